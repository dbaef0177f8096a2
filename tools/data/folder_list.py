"""Lists one's own videos for training: classes, a split, what cannot be used, and a config.

    python tools/data/folder_list.py FOLDER OUT                     # a folder of videos for each class
    python tools/data/folder_list.py LIST.csv OUT --videos FOLDER   # columns file, start, stop and labels

LIST.csv names its columns in the first line. A row with `start` and `stop` (seconds, MM:SS or HH:MM:SS) is a
segment of a video, otherwise the whole of it. The class is in `label`; several classes of a clip are in
`labels`, separated by semicolons; for several tasks, such as verb and noun, name their columns with --tasks.
Folders `train` and `val` above the classes, or a column `split` with these words, determine the split.
Otherwise, it is drawn so that a share of each class is for validation, and all segments of a video are on the
same side. Every video is opened. OUT gets train.csv, val.csv, the class names, unusable.csv with what was
left out, and config.py, ready for tools/train.py: of CAST or, with --sound, of CA2ST.
"""
import argparse
import csv
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from _lists import write_classes
from _own_clips import Clip, classes_of, draw_split, read_csv, read_folder
from check import check, quiet
from rich.progress import track

from projects.cast.datasets import InitVideo
from projects.cast.datasets.segment_list import seconds
from projects.cast.utils import InputError, run_tool

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
CLIP_LEN = 16  # frames; shorter videos are reported


def find_problems(clips: Sequence[Clip], folder: Path, decoder: str, workers: int) -> List[Tuple[str, str]]:
    """Returns the kind and the description of the problem of each clip, empty if there is none."""
    jobs = [({'filename': str(folder / clip.file), **(dict(
        start_time=seconds(clip.start), stop_time=seconds(clip.stop)) if clip.stop else {})},
        CLIP_LEN, InitVideo(decoder=decoder), None) for clip in clips]
    with ProcessPoolExecutor(max(workers, 1), initializer=quiet) as pool:
        found = list(track(pool.map(check, jobs, chunksize=4), 'opening videos', total=len(jobs)))
    return [(problems[0][0], problems[0][2]) if problems else ('', '') for problems in found]


def write_list(path: Path, clips: Sequence[Clip], classes: Dict[str, List[str]]) -> None:
    """Writes a list for ``SegmentListDataset``."""
    index = {task: {name: i for i, name in enumerate(names)} for task, names in classes.items()}
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['file', 'start', 'stop', *classes])
        for clip in clips:
            writer.writerow([clip.file, clip.start, clip.stop, *(
                ';'.join(str(index[task][name]) for name in names) for task, names in clip.labels.items())])


def balanced_weights(clips: Sequence[Clip], classes: Dict[str, List[str]]) -> Dict[str, List[float]]:
    """Returns weights that give each class of the training clips the same influence; their mean is 1."""
    weights = {}
    for task, names in classes.items():
        count = Counter(name for clip in clips for name in clip.labels[task])
        inverse = [1 / max(count[name], 1) for name in names]
        weights[task] = [round(len(names) * w / sum(inverse), 4) for w in inverse]
    return weights


def write_config(out: Path, videos: Path, classes: Dict[str, List[str]], decoder: str,
                 weights: Optional[Dict[str, List[float]]], sound: bool) -> Path:
    """Writes the names of the classes and the config, which inherits everything but the data."""
    one = list(classes) in (['label'], ['labels'])  # and not several tasks
    kind = dict(label='data', labels='labels')[next(iter(classes))] if one else 'tasks'
    base = 'ca2st/example_own_sound.py' if sound else f'cast/example_own_{kind}.py'
    files = {task: str(out / ('classes.txt' if one else f'{task}_classes.txt')) for task in classes}
    values = dict(
        data_root=str(videos), ann_file_train=str(out / 'train.csv'), ann_file_val=str(out / 'val.csv'),
        label_map=files, num_classes={task: len(names) for task, names in classes.items()}, decoder=decoder)
    head: dict = {}
    if weights:
        losses = {task: dict(type='CrossEntropyLoss', class_weight=w) for task, w in weights.items()}
        head['loss_cls'] = losses['label'] if one else losses
    if one:
        values.update({key: next(iter(values[key].values())) for key in ('label_map', 'num_classes')})
    else:
        both = 'spatial', 'temporal'
        experts = {task: dict(verb='temporal', noun='spatial').get(task, both) for task in classes}
        head['experts'] = dict(experts, _delete_=True)
    if head:
        values['model'] = dict(cls_head=head)
    for task, names in classes.items():
        write_classes(Path(files[task]), names)
    lines = ['# Written by tools/data/folder_list.py; docs/own_data.md says what else can be set.',
             f'_base_ = {os.path.relpath(CONFIGS / base, out.resolve())!r}',
             'from projects.cast.engine import derive', '', 'locals().update(derive(', '    _base_,',
             *(f'    {key}={value!r},' for key, value in values.items())]
    path = out / 'config.py'
    path.write_text('\n'.join(lines).rstrip(',') + '))\n', encoding='utf-8')
    return path


def report(clips: Sequence[Clip], sides: Sequence[str], classes: Dict[str, List[str]]) -> None:
    """Prints the size of the split, and the classes that are rare in it."""
    for side in ('train', 'val'):
        here = [clip for clip, where in zip(clips, sides) if where == side]
        print(f'{side}: {len(here)} clips of {len({clip.file for clip in here})} videos')
        for task, names in classes.items():
            count = Counter(name for clip in here for name in clip.labels[task])
            numbers = [count[name] for name in names]
            print(f'  {task}: {len(names)} classes with {min(numbers)} to {max(numbers)} clips')
            if missing := [name for name in names if not count[name]]:
                shown = ', '.join(missing[:10]) + (f' and {len(missing) - 10} more' if missing[10:] else '')
                print(f'  {task}: without any: {shown}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('source', type=Path, help='folder of classes, or a CSV')
    parser.add_argument('out', type=Path, help='folder to write to, such as data/own')
    parser.add_argument('--videos', type=Path, help='folder of the videos that a CSV lists')
    parser.add_argument('--tasks', nargs='+', default=[], metavar='COLUMN', help='columns of several labels')
    parser.add_argument('--val', type=float, default=0.2, help='share for validation (default: 0.2)')
    parser.add_argument('--seed', type=int, default=0, help='of the split')
    parser.add_argument('--class-weights', action='store_true', help='weigh rare classes more in the loss')
    parser.add_argument('--sound', action='store_true', help='a config of CA2ST, which also hears the videos')
    parser.add_argument('--decoder', default='decord', help='decord, pyav or torchcodec')
    parser.add_argument('--workers', type=int, default=os.cpu_count())
    args = parser.parse_args()
    if not 0 < args.val < 1:
        raise InputError(f'--val {args.val}: must lie between 0 and 1')
    if not args.source.exists():
        raise InputError(f'{args.source}: no such folder or file')
    if args.source.is_dir():
        clips, videos = read_folder(args.source), args.source
    else:
        clips, videos = read_csv(args.source, args.tasks), args.videos or args.source.parent
    if args.class_weights and 'labels' in clips[0].labels:
        raise InputError('--class-weights: not for several labels a clip; leave it out')
    if args.sound and [*clips[0].labels] != ['label']:
        raise InputError('--sound: its config is for one label a clip, not for '
                         f'{", ".join(clips[0].labels)}; leave it out, or copy '
                         'configs/ca2st/example_own_sound.py')
    problems = find_problems(clips, videos, args.decoder, args.workers)
    bad = [kind in ('missing', 'broken') for kind, _ in problems]
    usable = [clip for clip, out in zip(clips, bad) if not out]
    unusable = [(*clip[:3], what) for clip, out, (_, what) in zip(clips, bad, problems) if out]
    if not usable:
        raise InputError(f'none of the {len(clips)} clips can be used; the first: {unusable[0][3]}')
    given = [clip.split for clip in usable]
    if any(given) and not all(given):
        raise InputError(f'{usable[given.index(None)].file}: has no split, but others have; give all or none')
    sides = given if all(given) else draw_split(usable, args.val, args.seed)
    classes = classes_of(usable)
    args.out.mkdir(parents=True, exist_ok=True)
    for side in ('train', 'val'):
        here = [clip for clip, where in zip(usable, sides) if where == side]
        if not here:
            raise InputError(f'there is no clip for {side}; each class needs at least two videos')
        write_list(args.out / f'{side}.csv', here, classes)
    train = [clip for clip, where in zip(usable, sides) if where == 'train']
    config = write_config(args.out, videos, classes, args.decoder,
                          balanced_weights(train, classes) if args.class_weights else None, args.sound)
    with (args.out / 'unusable.csv').open('w', newline='', encoding='utf-8') as file:
        csv.writer(file, lineterminator='\n').writerows(
            [('file', 'start', 'stop', 'problem'), *unusable])
    report(usable, sides, classes)
    short = sum(kind == 'short' for kind, _ in problems)
    if short:
        print(f'{short} clips have fewer than {CLIP_LEN} frames; frames are repeated')
    where = f', see {args.out / "unusable.csv"}' if unusable else ''
    print(f'{len(unusable)} clips cannot be used{where}')
    print(f'python tools/train.py {config}')


if __name__ == '__main__':
    run_tool(main)
