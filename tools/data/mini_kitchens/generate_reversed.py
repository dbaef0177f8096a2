"""Writes mini kitchens whose verbs come in pairs, each the other backwards in time.

    python tools/data/mini_kitchens/generate_reversed.py [data/mini_reversed]

Every other video is the one before it, played backwards. Nothing but the order of the frames tells an action
from its reversal: the frames are encoded one by one, as JPEG of a fixed quality, so that a video and its
reversal have exactly the same frames, and there is as much rest before an action as behind it. Who does not
know the order is right on one of the two. The rest is as in generate.py.
"""
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

import cv2
import numpy as np
from generate import (
    NOUNS,
    Frame,
    annotate,
    arguments,
    background,
    check,
    draw,
    video_path,
    write_annotations,
    write_video,
)
from rich.progress import track

from projects.cast.utils import InputError, run_tool

VERBS = ('put', 'take', 'pick-up', 'set-down', 'turn-on', 'turn-off')  # 2 i and 2 i + 1 are a pair
ACTION, REST = 8, 2  # frames; a model of 8 frames reads all of an action
CENTRE = (16, 48)  # pixels: the range of the centres of objects, along both axes
OUTSIDE = 58  # pixels from an object's place to where it cannot be seen
SUFFIX = '.avi'


def pose(verb: str, t: float, side: int) -> Tuple[np.ndarray, float, float]:
    """Returns the shift (pixels), the size and the light of an object at time ``t`` in 0..1 of an action.

    ``put`` brings it into view from one of four sides, ``pick-up`` towards the camera above the worktop, and
    ``turn-on`` into the light.
    """
    if VERBS.index(verb) % 2:
        return pose(VERBS[VERBS.index(verb) - 1], 1 - t, side)
    shift = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)][side]) * OUTSIDE * (1 - t) * (verb == 'put')
    return shift, 0.5 + 1.1 * t if verb == 'pick-up' else 1., 0.25 + 0.75 * t if verb == 'turn-on' else 1.


def layout(rng: np.random.Generator, count: int) -> np.ndarray:
    """Returns positions of ``count`` objects that do not hide each other."""
    while True:
        found = rng.uniform(*CENTRE, (count, 2))
        distances = np.linalg.norm(found[:, None] - found, axis=-1)
        if (distances + np.eye(count) * 100).min() > 18:
            return found


def scene(seed: List[int], actions: int, objects: int, verbs: Sequence[str] = VERBS,
          motion: Callable[[str], str] = str) -> Iterator[Frame]:
    """Yields the frames of an untrimmed video; ``motion`` tells what each verb looks like, one of VERBS."""
    rng = np.random.default_rng(seed)
    worktop = background(rng)
    for action in range(actions):
        verb, side = str(rng.choice(verbs)), int(rng.integers(4))
        looks = motion(verb)
        nouns = [str(n) for n in rng.choice(list(NOUNS), objects, replace=False)]
        places, angles = layout(rng, objects), rng.uniform(0, 180, objects)
        for f in range(-REST, ACTION + REST):
            frame = (worktop + rng.normal(0, 2, worktop.shape)).clip(0, 255).astype(np.uint8)
            for noun, position, angle in zip(nouns[1:], places[1:], angles[1:]):
                draw(frame, noun, position, angle)
            shift, size, light = pose(looks, np.clip(f / (ACTION - 1), 0, 1), side)
            draw(frame, nouns[0], places[0] + shift, angles[0], size, light)
            yield frame, action if 0 <= f < ACTION else -1, verb, nouns[0]


def backwards(frames: List[Frame]) -> List[Frame]:
    """Returns a video from its last frame to its first; every verb becomes the other one of its pair."""
    last = max(action for _, action, _, _ in frames)
    return [(frame, last - action if action >= 0 else -1, VERBS[VERBS.index(verb) ^ 1], noun)
            for frame, action, verb, noun in frames[::-1]]


def generate(root: Path, train_videos: int = 160, val_videos: int = 40, actions: int = 12, objects: int = 2,
             seed: int = 0) -> None:
    """Writes videos and annotations.

    Args:
        root: Folder to write to.
        train_videos, val_videos: Even number of untrimmed videos per split, half of which are reversals.
        actions: Number of annotated actions in each video.
        objects: Number of objects in a scene, one of which acts; at most 4, for want of room.
        seed: Seed from which everything else is derived.

    Raises:
        InputError: If a number is out of range or odd, or a video cannot be written.
    """
    check(train_videos=(train_videos, 2, 500), val_videos=(val_videos, 2, 490), actions=(actions, 1, 1000),
          seed=(seed, 0, 2**32 - 1))
    if train_videos % 2 or val_videos % 2:
        raise InputError(f'--train-videos {train_videos} --val-videos {val_videos}: must be even, as every '
                         'other video is a reversal')
    counts = {'train': train_videos, 'validation': val_videos}
    rows: Dict[str, List[list]] = {split: [] for split in counts}
    for split, i in track([(s, i) for s in counts for i in range(0, counts[s], 2)], f'videos into {root}'):
        frames = list(scene([seed, split == 'train', i], actions, objects))
        for k, order in enumerate((frames, backwards(frames))):
            path = video_path(root, split, i + k, SUFFIX)
            write_video(path, order, 'MJPG', cv2.CAP_OPENCV_MJPEG)
            rows[split] += annotate(path, order, VERBS)
    write_annotations(root, rows, VERBS)


def main() -> None:
    generate(**vars(arguments(__doc__, 'data/mini_reversed', 40, 2, 4).parse_args()))


if __name__ == '__main__':
    run_tool(main)
