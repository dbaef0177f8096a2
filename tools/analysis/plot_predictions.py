"""Draws a few clips of a test run: frames over time, their labels, and the model's predictions.

    python tools/test.py CONFIG CHECKPOINT --dump RESULTS.pkl
    python tools/analysis/plot_predictions.py CONFIG RESULTS.pkl --out predictions.png
    python tools/analysis/plot_predictions.py CONFIG CLIP=clip.pkl CAST=cast.pkl --out both.png

The clips are not picked by hand. Right clips (right in all of their labels) and wrong clips appear in the
proportion of the whole test set, rounded, but with at least one of each kind if there is one. Clips of one
kind are taken at equal distances in the order of the test set. Several runs on the same test data are shown
below each other, as in figures 6 and 15 of the paper; then the last decides which clips are right. Pass the
test run's --cfg-options here, too.
"""
import argparse
from pathlib import Path
from typing import Dict, List, Sequence

import projects.cast  # noqa: F401  isort: skip  must precede anything of mmaction
import numpy as np
from _clips_picture import Clip, Label, draw, stack
from _dump import by_task, named, read_samples
from mmengine import DictAction
from rich.progress import track

from mmaction.registry import DATASETS
from mmaction.utils import register_all_modules
from projects.cast.apis import Names, rankings, read_names
from projects.cast.datasets import DecodeVideo, opener, pipeline_of
from projects.cast.engine import read_config
from projects.cast.utils import InputError, run_tool

FRAMES = 4


def read_results(path: str, samples: Sequence[dict]) -> List[dict]:
    """Reads a file of ``tools/test.py --dump``, which has the order of the data set.

    Raises:
        InputError: If it is not such a file, or belongs to another data set than these samples.
    """
    results = read_samples(path, ('pred_score', 'gt_label'),
                           'holds no predictions with labels; write it with tools/test.py --dump')
    if len(results) != len(samples):
        raise InputError(f'{path}: has {len(results)} clips, but the test data set of the config has '
                         f'{len(samples)}; give the config and the --cfg-options that were tested')
    for result, sample in zip(results, samples):
        for key in ('narration_id', 'filename'):
            if key in result and result[key] != sample.get(key):
                raise InputError(f'{path}: has {result[key]} where the test data set of the config has '
                                 f'{sample.get(key)}; give the config and the --cfg-options that were tested')
    return results


def read_runs(arguments: Sequence[str], samples: Sequence[dict]) -> Dict[str, List[dict]]:
    """Reads ``NAME=FILE`` of each run.

    Raises:
        InputError: If they do not belong to these samples, or have different tasks.
    """
    runs = {name: read_results(path, samples) for name, path in named(arguments).items()}
    tasks = {name: ', '.join(by_task(results[0])) for name, results in runs.items()}
    *_, (last, wanted) = tasks.items()
    for name, found in tasks.items():
        if found != wanted:
            raise InputError(f'{name} has the tasks {found}, but {last} {wanted}; give runs of the same')
    return runs


def is_right(result: dict) -> bool:
    """Returns whether all labels of a clip are found; a video that could not be read counts as wrong."""
    return all(int(score.argmax()) == label for label, score in by_task(result).values())


def choose(right: Sequence[bool], count: int) -> List[int]:
    """Chooses the clips to draw, by the rule at the top of this file."""
    kinds = [np.flatnonzero(right), np.flatnonzero(~np.array(right))]
    count = min(count, len(right))
    numbers = [count, 0] if not len(kinds[1]) else [0, count]
    if all(map(len, kinds)):
        wrong = min(max(round(count * float(np.mean(~np.array(right)))), 1), count - 1)
        numbers = [count - wrong, wrong]
    return sorted(int(kind[int((i + 0.5) * len(kind) / n)]) for kind, n in zip(kinds, numbers)
                  for i in range(n))


def labels_of(result: dict, names: Names) -> Dict[str, Label]:
    """Returns the true and the predicted class of each task.

    Raises:
        InputError: If a label is beyond the classes, or a label map has another number of them.
    """
    best, labels = rankings(result['pred_score'], names, 1), {}
    for task, (label, score) in by_task(result).items():
        known = names.get(task) or [*map(str, range(len(score)))]
        if label >= len(score):
            raise InputError(f'a clip has the label {label} for {task}, but its {len(score)} classes begin '
                             'with 0; test on data that have the classes of the model')
        right = int(score.argmax()) == label
        labels[task] = Label(known[label], *best[task][0], right) if label >= 0 else Label(
            '?', *best[task][0], None)
    return labels


def read_clip(sample: dict, results: Dict[str, dict], names: Names,
              pipeline: Sequence[dict] = ()) -> Clip:
    """Reads frames from the first to the last of a clip's segment, with its labels.

    Args:
        sample: The clip, as the data set lists it.
        results: What each model said, by the model's name.
        names: Class names of each task.
        pipeline: Pipeline whose decoder is used.

    Raises:
        InputError: If the video cannot be read, or a label map has another number of classes than the model.
    """
    broken = any(result.get('broken') for result in results.values())
    sample = opener(pipeline).transform({**sample, 'broken': broken})
    first, last = sample['start_index'], sample['start_index'] + sample['total_frames'] - 1
    sample['frame_inds'] = np.linspace(first, last, FRAMES).round().astype(int)
    reader = sample['video_reader']
    times = reader.get_frame_timestamp(sample['frame_inds'])[:, 0].tolist() if reader else [0.] * FRAMES
    frames = DecodeVideo().transform(sample)['imgs']
    return Clip(frames, times, {name: labels_of(result, names) for name, result in results.items()})


def describe(right: Sequence[bool], labelled: bool, count: int, name: str) -> str:
    """Returns the title of the picture."""
    text = f'{count} of the {len(right)} test clips, from the first frame to the last'
    return f'{text}; {name} is right on {100 * np.mean(right):.1f} % of all' if labelled else text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='config of the test run')
    parser.add_argument('results', nargs='+', metavar='[NAME=]RESULTS.pkl',
                        help='file written by tools/test.py --dump; names are needed for several')
    parser.add_argument('--out', type=Path, required=True, metavar='PNG')
    parser.add_argument('--clips', type=int, default=6, help='number of clips (default: 6)')
    parser.add_argument('--join', nargs=2, type=Path, metavar=('ABOVE', 'PNG'),
                        help='also write one PNG with the picture ABOVE, such as curves.png, above this one')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='same as for tools/test.py')
    args = parser.parse_args()
    if args.clips < 1:
        raise InputError(f'--clips {args.clips}: must be at least 1')
    register_all_modules()
    config = read_config(args.config, args.cfg_options)
    pipeline = pipeline_of(config)
    names, dataset = read_names(config), DATASETS.build(config.test_dataloader.dataset)
    samples = [dataset.get_data_info(i) for i in range(len(dataset))]
    runs = read_runs(args.results, samples)
    name, results = list(runs.items())[-1]
    model = 'the model' if name == 'model' else name
    right = [is_right(result) for result in results]
    chosen = choose(right, args.clips)
    clips = [read_clip(samples[i], {name: run[i] for name, run in runs.items()}, names, pipeline)
             for i in track(chosen, description='clips')]
    labelled = all(label >= 0 for result in results for label, _ in by_task(result).values())
    draw(clips, describe(right, labelled, len(clips), model), args.out)
    for i, clip in zip(chosen, clips):
        true, predicted = (' '.join(getattr(label, key) for label in clip.labels.values())
                           for key in ('true', 'predicted'))
        print(f'{samples[i]["filename"]}, {clip.times[0]:.2f} to {clip.times[-1]:.2f} s: {true}; '
              f'{model}: {predicted}')
    print(f'{args.out}: {len(clips)} clips with what the model saw in them')
    if args.join:
        stack(args.join[0], args.out, args.join[1])
        print(f'{args.join[1]}: {args.join[0].name} and {args.out.name}')


if __name__ == '__main__':
    run_tool(main)
