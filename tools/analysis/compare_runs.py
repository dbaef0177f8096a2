"""Draws how test runs differ, as the paper does: balance, gains of classes and super-categories, confusion.

    python tools/analysis/compare_runs.py CLIP=clip.pkl VideoMAE=videomae.pkl CAST=cast.pkl --out FOLDER
        [--classes EPIC_100_verb_classes.csv EPIC_100_noun_classes.csv]

The files are those of ``tools/test.py --dump`` on the same test data; the gains are those of the last run
over each of the others. FOLDER gets

- balance.png: top-1 accuracy of each task and their harmonic mean (figure 4 of the paper);
- gains_TASK_OTHER.png: gain in F1 of every class (figures 11 to 14);
- categories_TASK_OTHER.png: gain in the mean F1 of the classes of each super-category, weighted by their
  number of samples (figure 5), if --classes has super-categories;
- confusion_TASK_RUN.png: for each class, the share of its samples that were taken for each other class;
- classes.csv: samples, and precision, recall and F1 of each run, for each class.

Classes without test samples are left out. ``--classes`` has one label map per task: ``ssv2`` or ``k400``, for
instance, a file with a name per line, or a CSV file with the columns id and key. Only CSV files have
super-categories, in the column category, as the official files of EPIC-KITCHENS-100.
"""
import argparse
import csv
from pathlib import Path
from statistics import harmonic_mean
from typing import Dict, List, NamedTuple, Optional, Sequence

import numpy as np
from _bars import draw_balance, draw_confusion, draw_gains
from _classes import read_categories
from _dump import by_task, named, read_samples
from mmpretrain.evaluation import ConfusionMatrix, SingleLabelMetric

from projects.cast.datasets import read_label_map
from projects.cast.utils import InputError, run_tool

MEASURES = ('precision', 'recall', 'F1')
RULE = ('give two or more runs, each as NAME=FILE.pkl; give each run a name of its own, without a slash, as '
        'files are named after it')


class Task(NamedTuple):
    """Labels ``(N, )`` and scores ``(N, classes)`` of one task; a broken video is wrong."""

    labels: np.ndarray
    scores: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        return self.scores.argmax(1)

    @property
    def top1(self) -> float:
        """Top-1 accuracy in percent."""
        return 100 * float(np.mean(self.predicted == self.labels))


Run = Dict[str, Task]


def read_run(path: str) -> Run:
    """Reads a file of ``tools/test.py --dump``; a single task is called ``action``.

    Raises:
        InputError: If it has no scores, or samples without labels, or with others than their classes.
    """
    samples = read_samples(path, ('pred_score', 'gt_label'),
                           'has no scores with labels; write it with tools/test.py --dump')
    tasks = [by_task(sample) for sample in samples]
    run = {}
    for task in tasks[0]:
        labels = np.array([found[task][0] for found in tasks])
        if labels.min() < 0:
            raise InputError(f'{path}: has {(labels < 0).sum()} samples without labels; test on data that '
                             'have them')
        scores = np.stack([found[task][1].double().numpy() for found in tasks])
        if labels.max() >= scores.shape[1]:
            raise InputError(f'{path}: has the label {labels.max()} for {task}, but only scores of classes 0 '
                             f'to {scores.shape[1] - 1}; test on data that have the classes of the model')
        run[task] = Task(labels, scores)
    return run


def read_runs(arguments: Sequence[str]) -> Dict[str, Run]:
    """Reads ``NAME=FILE`` of each run.

    Raises:
        InputError: If there are less than two, or they are not on the same samples.
    """
    files = named(arguments, RULE)
    if len(files) < 2 or not all(files) or '/' in ''.join(files):
        raise InputError(f'got {" ".join(arguments)}; {RULE}')
    runs = {name: read_run(path) for name, path in files.items()}
    (first, one), *others = runs.items()
    for name, run in others:
        have, other = (', '.join(f'{t} {v.scores.shape}' for t, v in found.items()) for found in (run, one))
        if have != other:
            raise InputError(f'{name} and {first} are not on the same samples and classes: {have} and '
                             f'{other}; test both on one data set')
        for t in one:
            differ = int((run[t].labels != one[t].labels).sum())
            if differ:
                raise InputError(f'{name} and {first} are not on the same samples: {differ} of '
                                 f'{len(run[t].labels)} have different labels for {t}; test both on one data '
                                 'set, in the same order')
    return runs


def measures(task: Task) -> np.ndarray:
    """Returns precision, recall and F1 of each class in percent, ``(3, classes)``."""
    *found, _ = SingleLabelMetric.calculate(task.predicted, task.labels, average=None,
                                            num_classes=task.scores.shape[1])
    return np.array([values.numpy() for values in found])


def confusion(task: Task) -> np.ndarray:
    """Returns the share of each class's samples that were taken for each class; rows are true classes."""
    counts = ConfusionMatrix.calculate(task.predicted, task.labels, num_classes=task.scores.shape[1]).numpy()
    return counts / counts.sum(1, keepdims=True).clip(1)


def by_category(values: np.ndarray, counts: np.ndarray, categories: Sequence[str]) -> Dict[str, float]:
    """Returns the mean over the classes of each category, weighted by their counts, where there are any."""
    names = np.array(categories)
    return {name: float(np.average(values[names == name], weights=counts[names == name]))
            for name in sorted(set(categories)) if counts[names == name].any()}


def compare(task: str, runs: Dict[str, Task], path: Optional[str], out: Path) -> List[list]:
    """Draws the confusion of each run on one task, and the gains of the last run over the others.

    Args:
        task: Name of the task.
        runs: Labels and scores of each run.
        path: Label map of the task, if there is one.
        out: Folder for the pictures.

    Returns:
        Rows of classes.csv, one for each class that has samples.

    Raises:
        InputError: If the label map has another number of classes than the scores.
    """
    *others, last = runs
    labels, scores = runs[last]
    names = read_label_map(path) if path else [str(n) for n in range(scores.shape[1])]
    if len(names) != scores.shape[1]:
        raise InputError(f'{path}: has {len(names)} classes, the scores of {task} have {scores.shape[1]}')
    categories = read_categories(path, len(names)) if path else []
    counts = np.bincount(labels, minlength=len(names))
    there = np.flatnonzero(counts)
    found = {name: measures(run) for name, run in runs.items()}
    for name, run in runs.items():
        draw_confusion(confusion(run)[np.ix_(there, there)], [names[k] for k in there], f'{task}, {name}',
                       out / f'confusion_{task}_{name}.png')
    for name in others:
        gain = found[last][2] - found[name][2]
        title = f'{task}: gain in F1 of {last} over {name}, in points; mean {gain[there].mean():+.1f}'
        draw_gains({names[k]: float(gain[k]) for k in there}, title, out / f'gains_{task}_{name}.png')
        if len(set(categories)) > 1:
            draw_gains(by_category(gain, counts, categories), f'{title} over the classes',
                       out / f'categories_{task}_{name}.png')
    return [[task, names[k], categories[k] if categories else '', counts[k],
             *(round(float(v), 2) for values in found.values() for v in values[:, k])] for k in there]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('runs', nargs='+', metavar='NAME=FILE.pkl', help='the last is compared with the rest')
    parser.add_argument('--classes', nargs='+', metavar='LABEL_MAP', help='class names, one per task')
    parser.add_argument('--out', type=Path, required=True, metavar='FOLDER')
    args = parser.parse_args()
    runs = read_runs(args.runs)
    tasks = list(next(iter(runs.values())))
    classes = args.classes or [None] * len(tasks)
    if len(classes) != len(tasks):
        raise InputError(f'--classes has {len(classes)} label maps for the tasks {", ".join(tasks)}; give '
                         'one per task, in this order')
    args.out.mkdir(parents=True, exist_ok=True)
    accuracies = {name: {t: task.top1 for t, task in run.items()} for name, run in runs.items()}
    for name, row in accuracies.items():
        if len(row) > 1:
            row['harmonic mean'] = harmonic_mean(list(row.values()))
        print(f'{name}: ' + ', '.join(f'{column} {value:.1f}' for column, value in row.items()))
    draw_balance(accuracies, args.out / 'balance.png')
    rows = [row for t, path in zip(tasks, classes)
            for row in compare(t, {name: run[t] for name, run in runs.items()}, path, args.out)]
    with (args.out / 'classes.csv').open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        header = [f'{measure} {name}' for name in runs for measure in MEASURES]
        writer.writerows([['task', 'class', 'category', 'samples', *header], *rows])
    print(f'{args.out}: pictures and classes.csv')


if __name__ == '__main__':
    run_tool(main)
