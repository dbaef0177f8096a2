"""Opens every video that a config lists, to find problems before a long run does.

    python tools/data/check.py CONFIG [--split train val test] [--report problems.csv] [--counts counts.csv]

The report lists videos that are missing, broken (the file, or the segment in it, cannot be opened, or its
first and last frame cannot be decoded), shorter than one clip, or, if the config reads sound, without sound
in the middle of the segment (silent) or with sound that cannot be decoded there (damaged; both need the extra
`audio`), and the number of samples of each class.
The exit status is 1 if a video is missing or broken.
"""
import argparse
import copy
import csv
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import List, Optional, Tuple

import numpy as np
from mmengine import DictAction
from rich.progress import track

from mmaction.registry import DATASETS, TRANSFORMS
from mmaction.utils import register_all_modules
from projects.cast.datasets import DecodeVideo, InitVideo, LoadSpectrogram, VideoError, opener
from projects.cast.engine import read_config
from projects.cast.utils import InputError, run_tool

Problem = Tuple[str, str, str]  # kind, file, description


def check(job: Tuple[dict, int, InitVideo, Optional[LoadSpectrogram]]) -> List[Problem]:
    """Returns the problems of one sample, if it has any.

    Args:
        job: The sample as the dataset lists it, the number of frames of a clip, and the transforms
            that open the video and, if any, read its sound.
    """
    sample, clip_len, opens, listen = job
    problems = []
    try:
        opened = opens.transform(dict(sample))
        first, count = opened['start_index'], opened['total_frames']
        DecodeVideo().transform({**opened, 'frame_inds': np.array([first, first + count - 1])})
    except VideoError as error:
        kind = 'broken' if os.path.isfile(sample['filename']) else 'missing'
        return [(kind, sample['filename'], str(error))]
    if count < clip_len:
        problems.append(('short', sample['filename'], f'{count} frames, a clip takes {clip_len}'))
    if listen:
        results, where = dict(sample), f'{listen.path(sample)}{span(sample)}'
        if not listen.hear(results, clips=1)[0].any():
            problems.append(('silent', sample['filename'], f'{where}: has no sound'))
        if results.get('damaged_sound'):
            problems.append(('damaged', sample['filename'], f'{where}: sound that cannot be decoded'))
    return problems


def span(sample: dict) -> str:
    """Returns the segment of a sample for messages, if it is one."""
    return ', {start_time:.2f} to {stop_time:.2f} s'.format(**sample) if 'start_time' in sample else ''


def quiet() -> None:
    """Hides what the decoder itself writes to stderr; a data worker does not need it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config')
    parser.add_argument('--split', nargs='+', default=['train', 'val'], choices=['train', 'val', 'test'])
    parser.add_argument('--report', metavar='CSV', help='write every problem')
    parser.add_argument('--counts', metavar='CSV', help='write the number of samples of every class')
    parser.add_argument('--workers', type=int, default=os.cpu_count())
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='same as for tools/train.py')
    args = parser.parse_args()
    register_all_modules()
    config = read_config(args.config, args.cfg_options)
    for path in filter(None, (args.report, args.counts)):
        open(path, 'a').close()  # an error in writing should occur now rather than after hours
    problems: List[Problem] = []
    counts = []
    for split in args.split:
        try:
            cfg = copy.deepcopy(config[f'{split}_dataloader'].dataset)
            clip_len = next(t.clip_len for t in cfg.pipeline if 'clip_len' in t)
            loader = next((t for t in cfg.pipeline if t['type'] == 'LoadSpectrogram'), None)
        except (AttributeError, KeyError, StopIteration, TypeError) as error:
            raise InputError(f'{args.config}: {split}_dataloader.dataset has no pipeline with clip_len; '
                             'leave it out with --split, or check parts of a wrapped one alone') from error
        try:
            dataset = DATASETS.build({**cfg, 'pipeline': []})
        except ValueError as error:
            raise InputError(f'{split}: {error}') from error
        listen = loader and TRANSFORMS.build({**loader, 'test_mode': True, 'num_crops': 1})
        samples = [dataset.get_data_info(i) for i in range(len(dataset))]
        jobs = [(sample, clip_len, opener(cfg.pipeline), listen) for sample in samples]
        with ProcessPoolExecutor(max(args.workers, 1), initializer=quiet) as pool:
            found = pool.map(check, jobs, chunksize=16)
            here = [p for part in track(found, split, total=len(samples)) for p in part]
        kinds = Counter(kind for kind, *_ in here)
        shown = ('missing', 'broken', 'short', *['silent', 'damaged'] * bool(listen))
        counted = (f'{kinds[kind]} {kind}' for kind in shown)
        print(f'{split}: {len(samples)} samples, {", ".join(counted)}')
        labels = np.array([sample['label'] for sample in samples]).reshape(len(samples), -1)
        classes = getattr(dataset, 'classes', {'class': dataset.num_classes})
        for (task, count), column in zip(classes.items(), labels.T):
            n = np.bincount(column[column >= 0], minlength=count)
            counts += [(split, task, str(i), str(k)) for i, k in enumerate(n)]
            print(f'  {task}: {(n > 0).sum()} of {count} have samples, {n.min()} to {n.max()} each, median '
                  f'{np.median(n):.0f}; {(column < 0).sum()} samples have no label')
        problems += here
    for kind, _, what in problems[:20]:
        print(f'{kind}: {what}')
    if len(problems) > 20:
        print(f'... and {len(problems) - 20} more' + ('' if args.report else '; --report lists them all'))
    if args.report:
        with open(args.report, 'w', newline='', encoding='utf-8') as file:
            csv.writer(file, lineterminator='\n').writerows([('kind', 'file', 'problem'), *problems])
    if args.counts:
        with open(args.counts, 'w', newline='', encoding='utf-8') as file:
            csv.writer(file, lineterminator='\n').writerows([('split', 'task', 'class', 'samples'), *counts])
    raise SystemExit(any(kind in ('missing', 'broken') for kind, *_ in problems))


if __name__ == '__main__':
    run_tool(main)
