"""Writes mini kitchens whose actions go on for several seconds, to find them in untrimmed videos.

    python tools/data/mini_kitchens/generate_long.py [data/mini_long]

An object that slides, is lifted or lowered leaves the picture on one side and comes in again on the other;
one that is shaken or stirred goes on. All that is seen of an action within two seconds suffices to tell it.
Between actions, everything rests. The rest is as in generate.py.
"""
from itertools import product
from typing import Iterator, List

import numpy as np
from generate import (
    CENTRE,
    FPS,
    NOUNS,
    REACH,
    SIZE,
    VERBS,
    Frame,
    arguments,
    background,
    displacement,
    draw,
    generate,
)

from projects.cast.utils import run_tool

SHORTEST, LONGEST = 4, 8  # seconds of an action
PAUSE = 1  # seconds before each action
MOTION = 2  # seconds that a motion of generate.py takes here: the reach, or two turns


def place(verb: str, seconds: float, phase: float, centre: np.ndarray) -> np.ndarray:
    """Returns where an object is, perhaps outside of the picture, this long after its motion began."""
    return centre + REACH * np.array(displacement(verb, seconds / MOTION, phase))


def draw_around(frame: np.ndarray, noun: str, centre: np.ndarray, angle: float) -> None:
    """Draws an object; what leaves the picture comes in on the other side."""
    for shift in product((-SIZE, 0, SIZE), repeat=2):
        where = centre % SIZE + shift
        if (np.abs(where - SIZE / 2) < SIZE).all():
            draw(frame, noun, tuple(where), angle)


def layout(rng: np.random.Generator, count: int) -> np.ndarray:
    """Returns positions of ``count`` resting objects anywhere in the picture that do not overlap."""
    found: List[np.ndarray] = []
    while len(found) < count:
        new = rng.uniform(0, SIZE, 2)
        if all(np.linalg.norm((new - other + SIZE / 2) % SIZE - SIZE / 2) > 20 for other in found):
            found.append(new)
    return np.array(found)


def scene(seed: List[int], actions: int, objects: int) -> Iterator[Frame]:
    """Yields the frames of an untrimmed video."""
    rng = np.random.default_rng(seed)
    worktop = background(rng)
    for action in range(actions):
        verb, phase = str(rng.choice(VERBS)), rng.uniform()
        nouns = [str(n) for n in rng.choice(list(NOUNS), objects, replace=False)]
        centre, angles = rng.uniform(*CENTRE, 2), rng.uniform(0, 180, objects)
        resting = layout(rng, objects - 1)
        for f in range(-PAUSE * FPS, rng.integers(SHORTEST * FPS, LONGEST * FPS + 1)):
            frame = (worktop + rng.normal(0, 2, worktop.shape)).clip(0, 255).astype(np.uint8)
            for noun, position, angle in zip(nouns[1:], resting, angles[1:]):
                draw_around(frame, noun, position, angle)
            draw_around(frame, nouns[0], place(verb, max(f, 0) / FPS, phase, centre), angles[0])
            yield frame, action if f >= 0 else -1, verb, nouns[0]


def main() -> None:
    generate(**vars(arguments(__doc__, 'data/mini_long', most=3).parse_args()), draw_scene=scene)


if __name__ == '__main__':
    run_tool(main)
