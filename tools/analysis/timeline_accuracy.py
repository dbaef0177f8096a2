"""How often timelines are right, second by second, about annotated segments of the same videos.

    python tools/timeline.py FOLDER CONFIG CHECKPOINT --out TIMELINES
    python tools/analysis/timeline_accuracy.py CONFIG TIMELINES

The segments are those of the config's validation set. A second counts for each segment in which its middle
lies, at least --margin seconds (by default, half a window) from the segment's start and stop.
"""
import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Set, Tuple

import numpy as np

import projects.cast  # noqa: F401  isort: skip  must precede anything of mmaction
from mmengine import DictAction

from mmaction.registry import DATASETS
from mmaction.utils import register_all_modules
from projects.cast.apis import Names, read_names
from projects.cast.engine import read_config
from projects.cast.utils import InputError, run_tool


def read_timelines(folder: Path) -> Dict[Path, Dict[str, Any]]:
    """Reads all timelines below a folder, by the video they are of.

    Raises:
        InputError: If there are none.
    """
    files = sorted(folder.rglob('timeline.json'))
    if not files:
        raise InputError(f'{folder}: there is no timeline.json below it; run tools/timeline.py first')
    timelines = [json.loads(file.read_text(encoding='utf-8')) for file in files]
    return {Path(timeline['source']).resolve(): timeline for timeline in timelines}


def named_labels(sample: dict, names: Names) -> Dict[str, Set[str]]:
    """Returns the names of a sample's classes by task; there are none where it has no label."""
    by_task = sample.get('gt_label') or dict(action=sample['label'])
    return {task: {names[task][i] if names.get(task) else str(i)
                   for i in np.ravel(indices).astype(int) if i >= 0}
            for task, indices in by_task.items()}


def right_seconds(timeline: Dict[str, Any], start: float, stop: float, label: Dict[str, Set[str]]
                  ) -> Tuple[int, Dict[str, int]]:
    """Counts the seconds with their middle in a part of a video, and those that are right, by task.

    One is right if its best class is among the labels.
    """
    inside = [second for i, second in enumerate(timeline['seconds']) if start <= i + 0.5 <= stop]
    right = {task: [second[task][0][0] in labels for second in inside]
             for task, labels in label.items()}
    counts = {task: int(np.sum(values)) for task, values in right.items()}
    if len(right) > 1:
        counts['all'] = int(np.all([*right.values()], 0).sum())
    return len(inside), counts


def accuracy(timelines: Dict[Path, Dict[str, Any]], samples: List[dict], names: Names,
             margin: float = -1.) -> Tuple[int, Dict[str, float]]:
    """Returns the number of seconds, and the accuracies in percent.

    Args:
        timelines: What :func:`read_timelines` returned.
        samples: Segments, with ``filename``, ``gt_label`` by task or ``label``, and, unless they are whole
            videos, ``start_time`` and ``stop_time`` in seconds.
        names: Class names by task.
        margin: Seconds from the ends of a segment; if it is negative, half a window.

    Raises:
        InputError: If no second of a timeline is inside of a segment.
    """
    count, right = 0, Counter()
    for sample in samples:
        timeline, label = timelines.get(Path(sample['filename']).resolve()), named_labels(sample, names)
        if timeline and all(label.values()):
            away = timeline['window'] / 2 if margin < 0 else margin
            start, stop = sample.get('start_time', 0.), sample.get('stop_time', np.inf)
            inside, counts = right_seconds(timeline, start + away, stop - away, label)
            count += inside
            right.update(counts)
    if not count:
        raise InputError(f'no second of the {len(timelines)} timelines, as that of {next(iter(timelines))}, '
                         f'is inside of one of the {len(samples)} segments, as that of '
                         f'{samples[0]["filename"]}; give the folder of the same videos, or a smaller margin')
    return count, {task: 100 * value / count for task, value in right.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='its validation set has the segments')
    parser.add_argument('timelines', type=Path, help='folder that tools/timeline.py wrote')
    parser.add_argument('--margin', type=float, default=-1., metavar='SECONDS',
                        help='from the ends of a segment (default: half a window)')
    parser.add_argument('--label-map', nargs='+', metavar='NAME', help='as for tools/timeline.py')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='same as for tools/test.py')
    args = parser.parse_args()
    register_all_modules()
    config = read_config(args.config, args.cfg_options)
    dataset = DATASETS.build(config.val_dataloader.dataset)
    samples = [dataset.get_data_info(i) for i in range(len(dataset))]
    count, found = accuracy(read_timelines(args.timelines), samples, read_names(config, args.label_map),
                            args.margin)
    print(f'{count} seconds: ' + ', '.join(f'{task} {value:.1f} %' for task, value in found.items()))


if __name__ == '__main__':
    run_tool(main)
