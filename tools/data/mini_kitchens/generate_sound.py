"""Writes mini kitchens that can be heard: some verbs differ only in motion, the others only in sound.

    python tools/data/mini_kitchens/generate_sound.py [data/mini_sound] [--shuffle sound | --shuffle motion]

Four verbs (put and take, pick-up and set-down) sound alike and look different: each is the other one of its
pair, backwards in time. Four (knock and ring, pour and fry) look alike and sound different. Sounds are sums
of decaying tones of random pitch and tempo. Behind every action there is another sound of the kitchen, such
as a radio, which is as loud as the action and tells nothing.

In controls, something is shuffled between the two verbs of a pair: with ``--shuffle sound``, a knock sounds
like a knock or a ring at random, and with ``--shuffle motion``, put looks like put or take at random. Such
verbs cannot be told apart, unless something else gives them away.
"""
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence

import numpy as np
from generate import FPS, SIZE, Frame, annotate, arguments, check, video_path, write_annotations
from generate_reversed import ACTION, REST, scene
from rich.progress import track

from projects.cast.datasets.sound_file import audio_library
from projects.cast.utils import run_tool

VERBS = ('put', 'take', 'pick-up', 'set-down', 'knock', 'ring', 'pour', 'fry')
MOTION, SOUND = VERBS[:4], VERBS[4:]  # verbs that differ in motion, and in sound; 2 i and 2 i + 1 are a pair
RATE, LOUDNESS = 16000, 0.05  # samples a second, root mean square of each sound


class Source(NamedTuple):
    """A sum of decaying tones.

    Attributes:
        count: Tones a second.
        low, high: Range of their frequencies, in Hz.
        decay: Seconds in which they decay to 1/e.
        regular: Whether they begin at equal steps, at a tempo of the action's own, instead of at random.
        rise: Factor by which the range rises during the action.
        overtones: Frequencies relative to the first; the n-th is 1/n as strong.
    """

    count: float
    low: float
    high: float
    decay: float
    regular: bool = False
    rise: float = 1.
    overtones: Sequence[float] = (1., )


ACTIONS = {
    'scrape': Source(150, 200, 900, 0.01),
    'knock': Source(9, 250, 400, 0.02, regular=True, overtones=(1, 1.6, 2.3)),
    'ring': Source(4, 600, 900, 0.3, regular=True, overtones=(1, 2.76, 5.4)),
    'pour': Source(80, 400, 600, 0.02, rise=3.),
    'fry': Source(120, 3000, 7000, 0.004),
}
BACKGROUND = {
    'radio': Source(4, 250, 1000, 0.2, regular=True, overtones=(1, 2, 3)),
    'voices': Source(8, 120, 260, 0.1, overtones=(1, 2, 3, 4, 5, 6)),
    'rain': Source(200, 1000, 2500, 0.004),
    'fan': Source(12, 90, 110, 0.25, overtones=(1, 2, 3)),
}


def play(rng: np.random.Generator, source: Source, count: int) -> np.ndarray:
    """Returns ``count`` samples of a sound, whose root mean square is LOUDNESS."""
    length, pitch = count / RATE, rng.uniform(0.85, 1.18)
    if source.regular:
        step = 1 / source.count / rng.uniform(0.8, 1.25)
        starts = np.arange(rng.uniform(0, 1) * step, length, step)
    else:
        starts = rng.uniform(0, length, int(source.count * length))
    wave, time = np.zeros(count), np.arange(int(6 * source.decay * RATE)) / RATE
    for start in starts:
        first = pitch * rng.uniform(source.low, source.high) * source.rise**(start / length)
        tones = sum(np.sin(2 * np.pi * first * k * time + rng.uniform(0, 6.28)) / (n + 1)
                    for n, k in enumerate(source.overtones) if first * k < RATE / 2)
        begin = int(start * RATE)
        wave[begin:begin + len(time)] += (tones * np.exp(-time / source.decay))[:count - begin]
    return LOUDNESS * wave / np.sqrt(np.mean(wave**2))


def soundtrack(rng: np.random.Generator, heard: Sequence[str]) -> np.ndarray:
    """Returns the samples of a video, in which the verbs ``heard`` follow each other."""
    rest, action = REST * RATE // FPS, ACTION * RATE // FPS
    parts = []
    for verb in heard:
        part = play(rng, BACKGROUND[str(rng.choice(list(BACKGROUND)))], action + 2 * rest)
        part[rest:-rest] += play(rng, ACTIONS[verb if verb in SOUND else 'scrape'], action)
        parts.append(part)
    return np.concatenate(parts).astype(np.float32)


def exchanged(rng: np.random.Generator, mixed: Sequence[str], verb: str) -> str:
    """Returns a verb or, if it is one of ``mixed``, at random the other one of its pair."""
    return VERBS[VERBS.index(verb) ^ 1] if verb in mixed and rng.uniform() < 0.5 else verb


def motion(rng: np.random.Generator, mixed: Sequence[str], verb: str) -> str:
    """Returns what a verb looks like; those that are told apart by sound all look like ``turn-on``."""
    return exchanged(rng, mixed, verb) if verb in MOTION else 'turn-on'


def write_video(path: Path, frames: Sequence[Frame], wave: np.ndarray) -> None:
    """Encodes pictures (MPEG-4) and sound (AAC) into one file."""
    av: Any = audio_library('av')
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), 'w') as file:
        video = file.add_stream('mpeg4', rate=FPS, width=SIZE, height=SIZE, pix_fmt='yuv420p')
        video.thread_count = 1  # threads cost more than they bring for such small pictures
        sound = file.add_stream('aac', rate=RATE, layout='mono', options=dict(aac_coder='fast'))
        for i, (frame, *_) in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame)
            picture.pts, picture.time_base = i, Fraction(1, FPS)
            file.mux(video.encode(picture))
        file.mux(video.encode())
        for start in range(0, len(wave), sound.frame_size):
            part = av.AudioFrame.from_ndarray(wave[None, start:start + sound.frame_size], 'fltp', 'mono')
            part.rate, part.pts, part.time_base = RATE, start, Fraction(1, RATE)
            file.mux(sound.encode(part))
        file.mux(sound.encode())


def generate(root: Path, train_videos: int = 160, val_videos: int = 40, actions: int = 12, objects: int = 1,
             seed: int = 0, shuffle: str = '') -> None:
    """Writes videos and annotations.

    Args:
        root: Folder to write to.
        train_videos, val_videos: Number of untrimmed videos per split.
        actions: Number of annotated actions in each video.
        objects: Number of objects in a scene, one of which acts; at most 4.
        seed: Seed from which everything else is derived.
        shuffle: ``sound`` or ``motion``, which is then exchanged at random between the verbs of a pair.

    Raises:
        InputError: If a number is out of range, or PyAV is missing.
    """
    check(train_videos=(train_videos, 1, 500), val_videos=(val_videos, 1, 490), actions=(actions, 1, 1000),
          seed=(seed, 0, 2**32 - 1))
    counts = {'train': train_videos, 'validation': val_videos}
    rows: Dict[str, List[list]] = {split: [] for split in counts}
    seen, heard = MOTION if shuffle == 'motion' else (), SOUND if shuffle == 'sound' else ()  # exchanged ones
    for split, i in track([(s, i) for s in counts for i in range(counts[s])], f'videos into {root}'):
        rng = np.random.default_rng([seed, split == 'train', i, 1])
        frames = list(scene([seed, split == 'train', i], actions, objects, VERBS, partial(motion, rng, seen)))
        verbs = [frames[k][2] for k in range(0, len(frames), ACTION + 2 * REST)]
        path = video_path(root, split, i)
        write_video(path, frames, soundtrack(rng, [exchanged(rng, heard, verb) for verb in verbs]))
        rows[split] += annotate(path, frames, VERBS)
    write_annotations(root, rows, VERBS, {**dict.fromkeys(MOTION, 'motion'), **dict.fromkeys(SOUND, 'sound')})


def main() -> None:
    parser = arguments(__doc__, 'data/mini_sound', 40, 1, 4)
    parser.add_argument('--shuffle', choices=('sound', 'motion'), default='', help='for controls')
    generate(**vars(parser.parse_args()))


if __name__ == '__main__':
    run_tool(main)
