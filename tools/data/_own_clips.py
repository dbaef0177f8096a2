"""One's own videos and segments: reading what there is, and splitting it, for folder_list.py beside it."""
import csv
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from projects.cast.datasets import read_annotations
from projects.cast.datasets.segment_list import seconds
from projects.cast.utils import InputError, list_videos

SPLITS = dict(train='train', training='train', val='val', validation='val', valid='val', test='val')


class Clip(NamedTuple):
    """A video or a segment of it, with names of classes by column."""

    file: str
    start: str
    stop: str
    labels: Dict[str, Tuple[str, ...]]
    split: Optional[str] = None


def read_folder(folder: Path) -> List[Clip]:
    """Lists the videos in the folders of their classes."""
    clips = []
    for path in list_videos(folder):
        above = path.relative_to(folder).parts[:-1]
        split = SPLITS.get(above[0].lower()) if len(above) > 1 else None
        classes = above[1:] if split else above
        if not classes:
            raise InputError(f'{path}: lies in no folder of a class; put each video into one, or give a CSV')
        clips.append(Clip(str(path.relative_to(folder)), '', '', dict(label=(classes[0], )), split))
    return clips


def read_csv(file: Path, tasks: Sequence[str]) -> List[Clip]:
    """Lists the rows of a CSV."""
    rows = csv.DictReader(read_annotations(str(file)).splitlines())
    columns = rows.fieldnames or []
    names = list(tasks) or [name for name in ('label', 'labels') if name in columns][:1]
    if missing := [name for name in ['file', *names] if name not in columns] or not names:
        raise InputError(f'{file}: has the columns {columns}; it needs file and label, file and labels, or '
                         f'file and those of --tasks{f", and lacks {missing}" if names else ""}')
    clips = []
    for row in rows:
        where = f'{file}, line {rows.line_num}'
        labels = {name: tuple(filter(None, (label.strip() for label in (
            (row[name] or '').split(';') if name == 'labels' else [row[name] or ''])))) for name in names}
        empty = [name for name, found in labels.items() if not found]
        if empty and 'labels' not in names:
            raise InputError(f'{where}: has no {" and no ".join(empty)}')
        split = (row.get('split') or '').strip().lower()
        if split and split not in SPLITS:
            raise InputError(f'{where}: split {split!r} is unknown; choose train or val')
        times = [(row.get(key) or '').strip() for key in ('start', 'stop')]
        try:
            begin, end = (seconds(time) if time else 0. for time in times)
        except ValueError as error:
            raise InputError(f'{where}: start and stop are seconds, MM:SS or HH:MM:SS ({error})') from error
        if any(times) and not (all(times) and begin < end):
            raise InputError(f'{where}: a segment needs a start and a later stop, got {times}')
        clips.append(Clip(row['file'].strip(), *times, labels, SPLITS.get(split)))
    if not clips:
        raise InputError(f'{file}: has a header, but no rows')
    return clips


def natural(name: str) -> Tuple[bool, int, str]:
    """Orders names that are numbers by their value, before all others."""
    return (False, int(name), '') if name.isdigit() else (True, 0, name)


def classes_of(clips: Sequence[Clip]) -> Dict[str, List[str]]:
    """Returns the class names of each column, in order."""
    return {task: sorted({name for clip in clips for name in clip.labels[task]}, key=natural)
            for task in clips[0].labels}


def draw_split(clips: Sequence[Clip], share: float, seed: int) -> List[str]:
    """Returns the side of each clip: whole videos, of each class about the same share.

    Videos are visited in random order, those with rare classes first. One goes to validation if this brings
    the numbers of its classes there closer to the share, or if it is the first of its class and has no other,
    and training keeps a video of each of its classes.
    """
    videos: Dict[str, Counter] = defaultdict(Counter)
    for clip in clips:
        videos[clip.file].update((task, name) for task, names in clip.labels.items() for name in names)
    total = sum(videos.values(), Counter())
    left = Counter(label for labels in videos.values() for label in labels)  # videos in training, by class
    chosen: Counter = Counter()
    files, held_out = sorted(videos), set()
    random.Random(seed).shuffle(files)
    for file in sorted(files, key=lambda f: min((total[label] for label in videos[f]), default=0)):
        labels = videos[file]
        gain = sum((chosen[k] - share * total[k])**2 - (chosen[k] + n - share * total[k])**2
                   for k, n in labels.items())
        first = len(labels) == 1 and not any(chosen[label] for label in labels)
        if (gain > 0 or first) and all(left[label] > 1 for label in labels):
            held_out.add(file)
            chosen += labels
            left.subtract(list(labels))
    return ['val' if clip.file in held_out else 'train' for clip in clips]
