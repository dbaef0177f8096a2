"""Fuses the scores of several models, as a weighted mean.

    python tools/analysis/fuse_results.py A.pkl B.pkl --weights 2 1 --out FUSED.pkl
    python tools/host.py analysis_tools/eval_metric.py CONFIG FUSED.pkl

The files are those of tools/test.py --dump, of one label or of several tasks, with the same samples in the
same order. What is written has the same form.
"""
import argparse
import copy
import pickle
from pathlib import Path
from typing import Any, List, Sequence

from _dump import by_task, read_samples

from projects.cast.utils import InputError, run_tool

KEYS = 'filename', 'narration_id'  # what tells samples apart, if a file has it


def mean(scores: Sequence[Any], weights: Sequence[float]) -> Any:
    """Returns the weighted mean of tensors ``(classes, )``, or of dicts of these by task."""
    if isinstance(scores[0], dict):
        return {task: mean([score[task] for score in scores], weights) for task in scores[0]}
    return sum(weight * score for weight, score in zip(weights, scores)) / sum(weights)


def fuse(runs: Sequence[List[dict]], paths: Sequence[str], weights: Sequence[float]) -> List[dict]:
    """Returns the samples of the first run with the mean of all runs' scores.

    Raises:
        InputError: If the runs have other samples, tasks or classes.
    """
    fused = []
    for i, samples in enumerate(zip(*runs)):
        parts = [{task: (label, score.shape) for task, (label, score) in by_task(sample).items()}
                 for sample in samples]
        for path, sample, part in zip(paths, samples, parts):
            if part != parts[0] or any(sample.get(key) != samples[0].get(key) for key in KEYS):
                raise InputError(f'{path}: sample {i} is {[sample.get(key) for key in KEYS]} with the labels '
                                 f'and sizes {part}, but in {paths[0]} it is another, {parts[0]}; give files '
                                 'of the same test set')
        one = copy.copy(samples[0])
        one['pred_score'] = mean([sample['pred_score'] for sample in samples], weights)
        one.pop('pred_label', None)
        fused.append(one)
    return fused


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('results', nargs='+', metavar='RESULTS.pkl')
    parser.add_argument('--weights', nargs='+', type=float, help='one per file (default: equal)')
    parser.add_argument('--out', type=Path, required=True)
    args = parser.parse_args()
    weights = args.weights or [1.] * len(args.results)
    if len(weights) != len(args.results) or min(weights) < 0 or not sum(weights):
        raise InputError(f'--weights {weights}: give one for each of {len(args.results)} files, not below 0')
    problem = 'has no samples with scores and labels; give a file of tools/test.py --dump'
    runs = [read_samples(path, ('pred_score', 'gt_label'), problem) for path in args.results]
    if len({len(run) for run in runs}) > 1:
        raise InputError(f'the files have {[len(run) for run in runs]} samples; they must be of one test set')
    args.out.write_bytes(pickle.dumps(fuse(runs, args.results, weights)))
    print(f'{args.out}: the mean of {len(runs)} files, {len(runs[0])} samples')


if __name__ == '__main__':
    run_tool(main)
