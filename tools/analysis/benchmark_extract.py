"""Measures how far decoding and the model overlap in tools/extract.py.

    python tools/analysis/benchmark_extract.py LIST|FOLDER CONFIG [CHECKPOINT] [--repeats 5] [--workers 1]

Turn by turn, the same clips are only decoded, only passed through the model, and extracted. At best,
extraction takes as long as the slower of the two; without any overlap, as long as both together. Threads of
the model are as many as there are cores without data workers.
"""
import argparse
import os
import statistics
import time
from typing import Callable, List

import projects.cast  # noqa: F401  isort: skip  must precede anything of mmaction
import torch
from mmengine import DictAction

from mmaction.apis import init_recognizer
from mmaction.utils import register_all_modules
from projects.cast.datasets import pipeline_of
from projects.cast.engine import read_config
from projects.cast.extraction import ClipReader, Extractor, plan, read_clips
from projects.cast.extraction.reading import Batch, load
from projects.cast.utils import run_tool


def seconds(function: Callable[[], object]) -> float:
    """Returns how long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def spread(values: List[float]) -> str:
    """Formats the median, the minimum and the maximum."""
    return f'{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('source', help='a list, or a folder of videos')
    parser.add_argument('config', help='a config file')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint; without one, the weights are random')
    parser.add_argument('--root', default='', help='folder of the videos of a list')
    parser.add_argument('--template', default='', help="path below it, for EPIC-KITCHENS' CSV")
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--workers', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--device', default='cuda:0' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--bf16', action='store_true', help='compute in bfloat16')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='same as for tools/test.py')
    args = parser.parse_args()
    clips = read_clips(args.source, args.root, args.template)
    register_all_modules()
    config = read_config(args.config, args.cfg_options)
    torch.set_num_threads(max((os.cpu_count() or 1) - args.workers, 1))
    extractor = Extractor(init_recognizer(config, args.checkpoint, device=args.device), bf16=args.bf16)
    read = ClipReader(pipeline_of(config, 'val'))
    jobs = dict(enumerate(plan(clips, (0, 1), len(clips), args.batch_size).jobs))
    batches: List[Batch] = list(load(jobs, read, args.workers))
    extractor(batches[0].samples)  # the first call is slower

    def model() -> None:
        for batch in batches:
            extractor(batch.samples)

    def extract() -> None:
        for batch in load(jobs, read, args.workers):
            extractor(batch.samples)

    turns = [(seconds(lambda: list(load(jobs, read, args.workers))), seconds(model), seconds(extract))
             for _ in range(args.repeats)]
    decoding, computing, both = zip(*turns)
    print(f'{len(clips)} clips, {args.repeats} turns; seconds: decoding {spread([*decoding])}, model '
          f'{spread([*computing])}, extraction {spread([*both])}')
    print(f'extraction takes {spread([b / max(d, m) for d, m, b in turns])} times as long as the slower one, '
          f'and {spread([b / (d + m) for d, m, b in turns])} times as long as both together')


if __name__ == '__main__':
    run_tool(main)
