"""Extracts features, scores or tokens of many videos, in parts that other programs read.

    python tools/extract.py LIST|FOLDER OUT CONFIG CHECKPOINT --what features|scores|tokens [--shard 1/8]

LIST has a file on each line, or is a CSV with a column `file` and perhaps `id`, `start` and `stop`, or that
of EPIC-KITCHENS. Called again after it was stopped, it goes on with the parts that are not complete. A video
that cannot be read is noted with its reason. OUT may be an address that fsspec knows, such as
s3://BUCKET/FOLDER. docs/extract.md has the formats, and says how to extract millions of clips.
"""
import argparse
import hashlib
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import projects.cast  # noqa: F401  isort: skip  must precede anything of mmaction
import torch
from mmengine import Config, DictAction
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import nn

from mmaction.apis import init_recognizer
from mmaction.utils import register_all_modules
from projects.cast.checkpoints import digest
from projects.cast.datasets import pipeline_of
from projects.cast.engine import read_config
from projects.cast.extraction import (
    FORMATS,
    WHAT,
    Clip,
    ClipReader,
    Extractor,
    SlidingReader,
    Store,
    check_file_names,
    connect,
    extract,
    extract_on_ray,
    left,
    plan,
    read_clips,
)
from projects.cast.utils import InputError, run_tool

# Clips of a part, or videos if each has many windows. Tokens of a part are kept in memory until it is
# written, and those of a clip are 9.7 MB for the full-size model.
PER_PART = dict(clips=1024, windows=16), dict(clips=64, windows=1)
A_DAY = 86400.


def read_shard(text: str) -> Tuple[int, int]:
    """Converts ``i/n`` to the index of a shard, from 0, and the number of shards."""
    first, _, shards = text.partition('/')
    if not (first.isdigit() and shards.isdigit() and 1 <= int(first) <= int(shards)):
        raise InputError(f'--shard {text}: must be I/N with I from 1 to N, as in 1/8')
    return int(first) - 1, int(shards)


def fingerprint(checkpoint: Optional[str], model: nn.Module) -> str:
    """Returns a fingerprint of a checkpoint's file or, if it is none on this machine, of what it gave."""
    if checkpoint is None:
        return 'random'
    file = Path(checkpoint)
    return hashlib.sha1(file.read_bytes()).hexdigest() if file.is_file() else digest(model.state_dict())


def settings(args: argparse.Namespace, config: Config, model: nn.Module, pipeline: List[dict],
             clips: List[Clip], shards: int, per_part: int) -> Dict[str, Any]:
    """Returns what the content of the parts depends on."""
    model_digest, clips_digest, transforms = (
        hashlib.sha1(repr(value).encode()).hexdigest()[:12] for value in (config.model, clips, pipeline))
    return dict(what=args.what, blocks=args.blocks, views=args.views, window=args.window, stride=args.stride,
                bf16=args.bf16, format=args.format, batch_size=args.batch_size, per_part=per_part,
                shards=shards, model=f'{Path(args.config).name}, digest {model_digest}', pipeline=transforms,
                checkpoint=fingerprint(args.checkpoint, model),
                clips=f'{len(clips)} from {clips[0].file} on, digest {clips_digest}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('source', help='a list, or a folder of videos')
    parser.add_argument('out', help='folder, or address of one')
    parser.add_argument('config', help='a config file')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint; without one, the weights are random')
    parser.add_argument('--what', choices=WHAT, default='features')
    parser.add_argument('--blocks', type=int, nargs='+', default=[], help='from 1 (default: the whole model)')
    parser.add_argument('--views', choices=('val', 'test'), default='val', help='whose pipeline is used')
    parser.add_argument('--window', type=float, metavar='SECONDS', help='slide a window over each video')
    parser.add_argument('--stride', type=float, metavar='SECONDS', help='of the window (default: its length)')
    parser.add_argument('--format', choices=FORMATS, default='parquet')
    parser.add_argument('--shard', default='1/1', metavar='I/N', help='do only this part of the clips')
    parser.add_argument('--per-part', type=int, help='clips or, with windows, videos of a part')
    parser.add_argument('--retry', action='store_true', help='do parts with unreadable clips again, too')
    parser.add_argument('--root', default='', help='folder of the videos of a list')
    parser.add_argument('--template', default='', help="path below it, for EPIC-KITCHENS' CSV")
    parser.add_argument('--batch-size', type=int, default=8, help='clips at a time')
    parser.add_argument('--workers', type=int, default=1, help='processes that decode')
    parser.add_argument('--device', help='default: the first GPU or, with --ray, all GPUs, if there are any')
    parser.add_argument('--ray', nargs='?', const='', metavar='ADDRESS', help='extract on a cluster of Ray: '
                        'that at the address, or at RAY_ADDRESS, or else one started on this machine')
    parser.add_argument('--actors', type=int, default=0, help='copies of the model on the cluster (default: '
                        'one for each GPU, or one)')
    parser.add_argument('--bf16', action='store_true', help='compute in bfloat16')
    parser.add_argument('--compile', action='store_true', help='compile the backbone')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='same as for tools/test.py')
    args = parser.parse_args()
    shard, per_part = read_shard(args.shard), args.per_part
    if per_part is None:
        per_part = PER_PART[args.what == 'tokens']['clips' if args.window is None else 'windows']
    if min(args.batch_size, per_part) < 1 or min(args.workers, args.actors) < 0:
        raise InputError(f'--batch-size {args.batch_size}, --per-part {per_part}, --workers '
                         f'{args.workers} and --actors {args.actors} must be positive')
    if args.stride is not None and args.window is None:
        raise InputError(f'--stride {args.stride} is that of windows; give --window, too')
    if args.format == 'actionformer' and (args.window is None or args.what != 'features'):
        raise InputError('--format actionformer has features of windows; give --window and --what features')
    if args.compile and (args.blocks or args.what == 'tokens'):
        raise InputError('--compile: blocks cannot be read out of a compiled model; leave it out')
    clips = read_clips(args.source, args.root, args.template)
    if args.window is not None and any(clip.start is not None for clip in clips):
        raise InputError(f'{args.source}: has segments, but --window slides over whole videos; leave it out')
    some = clips[::len(clips) // 100 + 1]
    if not any('://' in clip.file or os.path.exists(clip.file) for clip in some):
        raise InputError(f'{args.source}: there is no video at {some[0].file}, and at none of '
                         f'{len(some)} such paths; --root is the folder of the videos of a list')
    if args.format == 'actionformer':
        check_file_names(clips)
    store = Store(args.out, args.format)
    register_all_modules()
    config = read_config(args.config, args.cfg_options)
    pipeline = pipeline_of(config, args.views)
    read = ClipReader(pipeline) if args.window is None else SlidingReader(
        pipeline, args.window, args.window if args.stride is None else args.stride, args.batch_size)
    on_ray = args.ray is not None
    device = args.device or ('cuda:0' if torch.cuda.is_available() else 'cpu')
    torch.manual_seed(0)  # without a checkpoint, a later run and other shards have the same weights
    model = init_recognizer(config, args.checkpoint, device='cpu' if on_ray else device)
    if args.checkpoint is None:
        print('No checkpoint: weights are random; this only shows that the pipeline works.')
    extractor = Extractor(model, args.what, [i - 1 for i in args.blocks], args.bf16)
    # only now, as settings that cannot be used would keep others out of the folder
    store.settle(settings(args, config, model, pipeline, clips, shard[1], per_part))
    todo = left(plan(clips, shard, per_part, 1 if args.window is not None else args.batch_size), store,
                args.retry)
    if not todo.parts:
        print(f'{args.out}: everything is there')
        return
    if on_ray:
        connect(args.ray)
        steps = extract_on_ray(todo, read, extractor, store, args.actors, args.device, args.compile)
    else:
        if args.compile:
            model.backbone.compile()
        steps = extract(todo, read, extractor, store, args.workers)
    total = sum(len(todo.jobs[job]) for jobs in todo.parts.values() for job in jobs)
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TextColumn('clips,'),
               TimeElapsedColumn(), TextColumn('so far,'), TimeRemainingColumn(), TextColumn('left'))
    unreadable = noted = 0
    with Progress(*columns, speed_estimate_period=A_DAY) as progress:
        bar = progress.add_task(args.out, total=total)
        for step in steps:
            unreadable += step.unreadable
            noted += step.noted
            progress.advance(bar, step.clips)
            done, elapsed = int(progress.tasks[bar].completed), progress.tasks[bar].elapsed or 0.
            for name in step.parts:  # all that a log file shows
                wait = timedelta(seconds=round(elapsed / max(done, 1) * (total - done)))
                line = f'{done}/{total} clips, {unreadable} unreadable so far, about {wait} left'
                progress.console.print(f'{name} is complete: {line}', soft_wrap=True, highlight=False)
    print(f'{args.out}: {total} clips, {unreadable} of them unreadable, {noted} with a note')


if __name__ == '__main__':
    try:
        run_tool(main)
    except KeyboardInterrupt:
        sys.exit('stopped; the same command goes on with the parts that are missing')
