"""Writes the videos of the miniature study: encoded files with annotations as EPIC-KITCHENS-100 has them."""
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

import cv2
import numpy as np
from data.mini_kitchens.generate import Frame, annotate, write_annotations, write_video
from rich.progress import track

from .jobs import check_key, key_of
from .rows import VERSION
from .scenes import FRAMES, NOUNS, VERBS, Actions, Law, draw_actions, framed, render

ACTIONS = 32  # actions in a video, each of which is a scene of its own
STUDY = 2  # the first number of the seeds of the videos; those of pre-training begin with another
CATEGORIES = {  # of verbs and nouns
    **{verb: 'sideways' if i < len(VERBS) // 2 else 'upright' for i, verb in enumerate(VERBS)},
    **{noun: 'mostly upright' if i % 2 else 'mostly sideways' for i, noun in enumerate(NOUNS)}
}


class Split(NamedTuple):
    """Which participants a split has, with ten videos each, how many videos, and with which prior."""

    participant: int
    videos: int
    prior: float = 0.8


class Level(NamedTuple):
    """A level of difficulty: objects and marks of its clips, and its splits."""

    law: Law
    splits: Dict[str, Split]


# `tuning` serves to choose learning rates; with `no-prior`, nouns and directions are independent
OTHERS = {'tuning': Split(51, 38), 'validation': Split(61, 75), 'no-prior': Split(71, 75, 0.5)}
LEVELS = {'plain': Level(Law(), {'train': Split(1, 400), **OTHERS}),
          'hard': Level(Law(objects=4, mark=0.8), {'train': Split(1, 20), **OTHERS})}


def video(seed: List[int], law: Law) -> Tuple[Actions, List[Frame]]:
    """Draws a video: its actions, and its frames, with one of rest before and behind each action."""
    rng = np.random.default_rng(seed)
    actions = draw_actions(rng, ACTIONS, law)
    clips = framed(render(rng, actions._replace(places=actions.places[:, :, [0, *range(FRAMES), -1]]), law))
    names = [(VERBS[v], NOUNS[n]) for v, n in zip(actions.verbs, actions.nouns[:, 0])]
    return actions, [(frame, i if 0 < f <= FRAMES else -1, *names[i])
                     for i, clip in enumerate(clips) for f, frame in enumerate(clip)]


def generate(root: Path, level: str, seed: int = 0, **videos: int) -> None:
    """Writes the videos of a level, unless they are there; if it was stopped, it begins anew.

    For each split, ``objects_SPLIT.npz`` has the :class:`Actions` in the order of the annotations. The split
    ``test`` consists of the two validation sets, one after the other.

    Args:
        root: Folder to write to.
        level: Key of LEVELS.
        seed: Seed from which all is derived.
        videos: Numbers of videos by split, where they are not those of the level.

    Raises:
        InputError: If there are videos of other settings.
    """
    law, splits = LEVELS[level]
    complete = root / 'complete'
    check_key(complete, data_key(level, seed, **videos))
    if complete.exists():
        return
    rows: Dict[str, List[list]] = {name: [] for name in (*splits, 'test')}
    for number, (name, split) in enumerate(splits.items()):
        drawn = []
        for i in track(range(videos.get(name, split.videos)), f'{root}, {name}'):
            key = [STUDY, list(LEVELS).index(level), seed, number, i]
            actions, frames = video(key, law._replace(prior=split.prior))
            participant = f'P{split.participant + i // 10:02d}'
            path = root / participant / 'videos' / f'{participant}_{i % 10 + 1:02d}.avi'
            write_video(path, frames, 'MJPG', cv2.CAP_OPENCV_MJPEG)
            rows[name] += annotate(path, frames, VERBS, NOUNS)
            drawn.append(actions)
        np.savez(root / f'objects_{name}.npz', **{
            key: np.concatenate(values) for key, values in zip(Actions._fields, zip(*drawn))})
    rows['test'] = rows['validation'] + rows['no-prior']
    write_annotations(root, rows, VERBS, CATEGORIES, NOUNS)
    complete.touch()


def data_key(level: str, seed: int = 0, **videos: int) -> str:
    """Returns the key of the settings of a level's videos."""
    return key_of(VERSION, level, LEVELS[level], seed, sorted(videos.items()))


def redraw(level: str, name: str, seed: int = 0) -> Actions:
    """Returns the actions of a split, without its videos."""
    law, splits = LEVELS[level]
    law, key = law._replace(prior=splits[name].prior), [STUDY, list(LEVELS).index(level), seed]
    drawn = [draw_actions(np.random.default_rng([*key, list(splits).index(name), i]), ACTIONS, law)
             for i in range(splits[name].videos)]
    return Actions(*(np.concatenate(values) for values in zip(*drawn)))


def read_objects(root: Path, split: str) -> Actions:
    """Reads the actions of a split."""
    with np.load(root / f'objects_{split}.npz') as arrays:
        return Actions(**arrays)
