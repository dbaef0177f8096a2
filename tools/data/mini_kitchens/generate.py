"""Writes "mini kitchens": a small data set of real video files in EPIC-KITCHENS-100's format.

    python tools/data/mini_kitchens/generate.py [data/mini_kitchens]

Colour histograms cannot solve it, so it is a test of CAST: nouns differ only in appearance; verbs differ only
in motion (each frame of a verb also occurs in another verb, mostly the reversed motion); and the acting
object stands among others that do not move, so that the noun of an action has to be found by its motion.
Videos are untrimmed and have several annotated actions with pauses in between. Training and validation videos
share no scene, as each video has its own seed, which is derived from ``--seed``.
"""
import argparse
import csv
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

import cv2
import numpy as np
from rich.progress import track

from projects.cast.utils import InputError, run_tool

NOUNS = {  # name: (colour in RGB, shape)
    'tomato': ((214, 40, 40), 'disc'),
    'cucumber': ((52, 140, 49), 'bar'),
    'lemon': ((245, 211, 40), 'ellipse'),
    'aubergine': ((98, 37, 120), 'ellipse'),
    'plate': ((240, 240, 240), 'ring'),
    'box': ((60, 110, 200), 'square'),
}
VERBS = ('slide-left', 'slide-right', 'lift', 'lower', 'shake', 'stir')
CATEGORIES = {  # super-categories of verbs and nouns; a class of another name is in that of its kind
    **dict.fromkeys(('slide-left', 'slide-right', 'lift', 'lower'), 'move'),
    **dict.fromkeys(('shake', 'stir'), 'mix'),
    **dict.fromkeys(('tomato', 'cucumber', 'lemon', 'aubergine'), 'fruit and vegetables'),
    **dict.fromkeys(('plate', 'box'), 'things')
}

SIZE, FPS = 64, 12  # decord miscounts the channels of some narrow videos, such as 72 pixels
ACTION, PAUSE = 18, 4  # frames
REACH = 32  # pixels from one end of a motion to the other
CENTRE = (24, 40)  # pixels: the range of the centres of motions, along both axes
COLUMNS = ('narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,'
           'start_frame,stop_frame,narration,verb,verb_class,noun,noun_class,all_nouns,'
           'all_noun_classes').split(',')


def displacement(verb: str, t: float, phase: float) -> Tuple[float, float]:
    """Returns the object's position at time ``t`` in 0..1, in units of REACH, around the motion's centre."""
    if verb in ('slide-left', 'slide-right'):
        return (t - 0.5) * (1 if verb == 'slide-right' else -1), 0.
    if verb in ('lift', 'lower'):
        return 0., (t - 0.5) * (1 if verb == 'lower' else -1)
    angle = 2 * np.pi * (2 * t + phase)  # two turns
    return (0.5 * np.sin(angle), 0.) if verb == 'shake' else (0.35 * np.sin(angle), 0.35 * np.cos(angle))


def draw(frame: np.ndarray, noun: str, centre: Tuple[float, float], angle: float, size: float = 1.,
         light: float = 1.) -> None:
    """Draws one object, rotated by ``angle`` degrees, ``size`` times as large, in a part of the light."""
    colour, shape = NOUNS[noun]
    colour = tuple(c * light for c in colour)
    x, y = (int(round(c * 16)) for c in centre)  # 4 fractional bits, so that sub-pixel motion is visible

    def ellipse(axes, thickness=-1):
        cv2.ellipse(frame, (x, y), tuple(int(a * size * 16) for a in axes), angle, 0, 360, colour, thickness,
                    cv2.LINE_AA, 4)

    if shape == 'disc':
        ellipse((9, 9))
    elif shape == 'ellipse':
        ellipse((11, 6))
    elif shape == 'ring':
        ellipse((9, 9), 3)
    else:
        half = (13, 4) if shape == 'bar' else (7, 7)
        corners = cv2.boxPoints(((x / 16, y / 16), (2 * size * half[0], 2 * size * half[1]), angle))
        cv2.fillConvexPoly(frame, np.int32(corners * 16), colour, cv2.LINE_AA, 4)


def background(rng: np.random.Generator) -> np.ndarray:
    """Draws a worktop: a blurred random texture with a few pale tiles."""
    low = rng.uniform(70, 150, (6, 6, 1)) + rng.uniform(-25, 25, (6, 6, 3))
    image = cv2.resize(low, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    for _ in range(rng.integers(2, 5)):
        x, y, w, h = rng.integers(0, SIZE, 4)
        image[y:y + h // 2, x:x + w // 2] += rng.uniform(-30, 30)
    return image


def place(verb: str, t: float, phase: float, centre) -> np.ndarray:
    """Returns the position of an object with this centre while it does ``verb``."""
    return centre + REACH * np.array(displacement(verb, t, phase))


def layout(rng: np.random.Generator, count: int) -> np.ndarray:
    """Returns positions of ``count`` resting objects that do not overlap.

    Each rests where some action could have left it, so that the distance from the middle does not reveal
    which object acts.
    """
    found: List[np.ndarray] = []
    while len(found) < count:
        verb, (t, phase) = str(rng.choice(VERBS)), rng.uniform(size=2)
        new = place(verb, t, phase, rng.uniform(*CENTRE, 2))
        if all(np.linalg.norm(new - other) > 20 for other in found):
            found.append(new)
    return np.array(found)


Frame = Tuple[np.ndarray, int, str, str]  # the picture, the index of its action or -1, verb and noun


def scene(seed: List[int], actions: int, objects: int) -> Iterator[Frame]:
    """Yields the frames of an untrimmed video."""
    rng = np.random.default_rng(seed)
    worktop = background(rng)
    for action in range(actions):
        verb, phase = str(rng.choice(VERBS)), rng.uniform()
        nouns = [str(n) for n in rng.choice(list(NOUNS), objects, replace=False)]
        centre, angles = rng.uniform(*CENTRE, 2), rng.uniform(0, 180, objects)
        resting = layout(rng, objects - 1)
        for f in range(-PAUSE, ACTION):
            frame = (worktop + rng.normal(0, 2, worktop.shape)).clip(0, 255).astype(np.uint8)
            for noun, position, angle in zip(nouns[1:], resting, angles[1:]):
                draw(frame, noun, position, angle)
            t = max(f, 0) / (ACTION - 1)
            draw(frame, nouns[0], place(verb, t, phase, centre), angles[0])
            yield frame, action if f >= 0 else -1, verb, nouns[0]


def timestamp(seconds: float) -> str:
    """Formats a time as ``HH:MM:SS.mmm``."""
    return f'{int(seconds) // 3600:02d}:{int(seconds) // 60 % 60:02d}:{seconds % 60:06.3f}'


def write_video(path: Path, frames: Sequence[Frame], codec: str = 'mp4v', api: int = cv2.CAP_ANY) -> None:
    """Encodes one video."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), api, cv2.VideoWriter_fourcc(*codec), FPS, frames[0][0].shape[1::-1])
    if not writer.isOpened():
        raise InputError(f'{path}: cannot be written; is the folder writable, and does OpenCV have ffmpeg?')
    for frame, *_ in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()


def annotate(path: Path, frames: Sequence[Frame], verbs: Sequence[str] = VERBS,
             nouns: Sequence[str] = tuple(NOUNS)) -> List[list]:
    """Returns the annotation rows of a video."""
    rows: List[list] = []
    lengths = Counter(action for _, action, *_ in frames)
    for i, (_, action, verb, noun) in enumerate(frames):
        if action == len(rows):
            v, n, last = verbs.index(verb), nouns.index(noun), i + lengths[action]
            start, stop = timestamp(i / FPS), timestamp(last / FPS)
            rows.append([f'{path.stem}_{action}', path.parts[-3], path.stem, start, start, stop, i + 1,
                         last, f'{verb} {noun}', verb, v, noun, n, [noun], [n]])
    return rows


def video_path(root: Path, split: str, i: int, suffix: str = '.mp4') -> Path:
    """Returns the path of a video, as EPIC-KITCHENS has it; participants have ten videos each."""
    participant = f'P{i // 10 + (1 if split == "train" else 51):02d}'
    return root / participant / 'videos' / f'{participant}_{i % 10 + 1:02d}{suffix}'


def write_csv(path: Path, header, rows) -> None:
    with path.open('w', newline='') as file:
        csv.writer(file, lineterminator='\n').writerows([header, *rows])


def write_annotations(root: Path, rows: Dict[str, List[list]], verbs: Sequence[str] = VERBS,
                      categories: Dict[str, str] = {}, nouns: Sequence[str] = tuple(NOUNS)) -> None:
    """Writes the annotations of each split, and the names of the classes and their categories.

    Args:
        root: Folder to write to.
        rows: Rows of each split.
        verbs, nouns: Names of the classes.
        categories: Super-categories of classes, where they are not those of CATEGORIES.
    """
    categories = {**CATEGORIES, **categories}
    for split in rows:
        write_csv(root / f'EPIC_100_{split}.csv', COLUMNS, rows[split])
    for kind, names in (('verb', verbs), ('noun', nouns)):
        write_csv(root / f'EPIC_100_{kind}_classes.csv', ['id', 'key', 'instances', 'category'],
                  [[i, name, [name], categories.get(name, kind)] for i, name in enumerate(names)])
    print(f'{root}: {len(rows["train"])} actions to train on, {len(rows["validation"])} to validate')


def check(**limits: Tuple[int, int, int]) -> None:
    """Raises an InputError if the first of three numbers, an option's, is not between the other two."""
    for name, (value, least, most) in limits.items():
        if not least <= value <= most:
            raise InputError(f'--{name.replace("_", "-")} {value}: must be from {least} to {most}')


def generate(root: Path, train_videos: int = 160, val_videos: int = 20, actions: int = 12,
             objects: int = 3, seed: int = 0, draw_scene: Callable[..., Iterator[Frame]] = scene) -> None:
    """Writes videos and annotations.

    Args:
        root: Folder to write to.
        train_videos, val_videos: Number of untrimmed videos per split.
        actions: Number of annotated actions in each video.
        objects: Number of objects in a scene, one of which acts; at most 6.
        seed: Seed from which everything else is derived.
        draw_scene: Yields the frames of a video, as :func:`scene` does.

    Raises:
        InputError: If a number is out of range, or a video cannot be written.
    """
    check(train_videos=(train_videos, 1, 500), val_videos=(val_videos, 1, 490), actions=(actions, 1, 1000),
          seed=(seed, 0, 2**32 - 1))
    counts = {'train': train_videos, 'validation': val_videos}
    jobs = [(split, i) for split in counts for i in range(counts[split])]
    rows: Dict[str, List[list]] = {split: [] for split in counts}
    for split, i in track(jobs, description=f'videos into {root}'):
        path = video_path(root, split, i)
        frames = list(draw_scene([seed, split == 'train', i], actions, objects))
        write_video(path, frames)
        rows[split] += annotate(path, frames)
    write_annotations(root, rows)


def arguments(doc: str, root: str, val_videos: int = 20, objects: int = 3,
              most: int = 6) -> argparse.ArgumentParser:
    """Returns the parser of a generator with these defaults, and the largest number of objects."""
    parser = argparse.ArgumentParser(description=doc.split('\n')[0])
    parser.add_argument('root', nargs='?', type=Path, default=Path(root))
    parser.add_argument('--train-videos', type=int, default=160)
    parser.add_argument('--val-videos', type=int, default=val_videos)
    parser.add_argument('--actions', type=int, default=12, help='actions per video')
    parser.add_argument('--objects', type=int, default=objects, choices=range(1, most + 1))
    parser.add_argument('--seed', type=int, default=0)
    return parser


def main() -> None:
    generate(**vars(arguments(__doc__, 'data/mini_kitchens').parse_args()))


if __name__ == '__main__':
    run_tool(main)
