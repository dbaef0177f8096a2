"""Converts an EPIC-KITCHENS-100 test run for the challenge's evaluator and server, or into a report.

    python tools/test.py CONFIG CHECKPOINT --dump scores.pkl
    python tools/analysis/epic_results.py scores.pkl --evaluator results.pkl
    python tools/analysis/epic_results.py scores.pkl --submission submission.zip --sls 2 3 3
    python tools/analysis/epic_results.py scores.pkl --report report.csv --classes VERBS.csv NOUNS.csv

The evaluator (https://github.com/epic-kitchens/C1-Action-Recognition) and the server apply a softmax.
Therefore the logarithms of the probabilities, averaged over the views, are written: the softmax turns them
back into these probabilities. VERBS.csv and NOUNS.csv are the official EPIC_100_{verb,noun}_classes.csv.
"""
import argparse
import csv
import pickle
from typing import Dict, List

import numpy as np
from _classes import read_categories
from _dump import read_samples
from _submission import log_probabilities
from _submission import write_submission as submission
from mmpretrain.evaluation import SingleLabelMetric

from projects.cast.datasets import read_label_map
from projects.cast.utils import VERB_NOUN as TASKS
from projects.cast.utils import InputError, labels_by_task, run_tool

Rows = List[dict]


def read_scores(path: str) -> Dict[str, np.ndarray]:
    """Reads a file of ``tools/test.py --dump`` as the evaluator's dict, with labels ``(M, 2)``.

    Raises:
        InputError: If it has no verb and noun scores, or no narration ids.
    """
    problem = ('no verb and noun scores with narration ids; dump them with an EPIC-KITCHENS-100 config and '
               'its `pack` as they are')
    samples = read_samples(path, ('narration_id', 'pred_score'), problem)
    if not all(isinstance(sample['pred_score'], dict) for sample in samples):
        raise InputError(f'{path}: {problem}')
    named = [labels_by_task(s['gt_label'], TASKS) for s in samples]
    labels = np.array([[int(label[task]) for task in TASKS] for label in named])
    broken = np.array([bool(s.get('broken')) for s in samples])
    wrong = np.flatnonzero(broken & (labels.min(1) >= 0))  # these are wrong for VerbNounMetric, too
    results = {'labels': labels}
    for column, task in enumerate(TASKS):
        probabilities = np.stack([s['pred_score'][task].double().numpy() for s in samples])
        probabilities[wrong, labels[wrong, column]] = 0
        results[f'{task}_output'] = log_probabilities(probabilities)
    results['narration_id'] = np.array([s['narration_id'] for s in samples])
    return results


def write_evaluator(results: Dict[str, np.ndarray], path: str) -> None:
    """Writes the dict that the official evaluator reads."""
    with open(path, 'wb') as file:
        pickle.dump({k: v for k, v in results.items() if k != 'labels'}, file)


def write_submission(results: Dict[str, np.ndarray], path: str, sls: List[int]) -> None:
    """Writes the zip file that the challenge's server accepts.

    Args:
        results: Result of :func:`read_scores`.
        path: Path of the zip file.
        sls: Supervision levels 0 to 5 of pre-training, training labels and training data.
    """
    scores = {task: results[f'{task}_output'] for task in TASKS}
    submission(path, results['narration_id'], scores, sls, version='0.2', challenge='action_recognition')


def report(results: Dict[str, np.ndarray], classes: Dict[str, str]) -> Rows:
    """Computes accuracy (the share of a class's segments that are found) and F1 by class and super-category.

    Args:
        results: Result of :func:`read_scores`.
        classes: For each task, the official CSV with its class names and categories.
    """
    rows: Rows = []
    for column, task in enumerate(TASKS):
        names = read_label_map(classes[task])
        scores, label = results[f'{task}_output'], results['labels'][:, column]
        if len(names) != scores.shape[1]:
            raise InputError(f'{classes[task]} has {len(names)} classes, the scores have {scores.shape[1]}')
        categories, category = np.unique(read_categories(classes[task], len(names), needed=True),
                                         return_inverse=True)
        predicted = scores.argmax(1)
        for level, groups, p, y in ((task, names, predicted, label),
                                    (f'{task} category', categories, category[predicted], category[label])):
            _, recall, f1, support = SingleLabelMetric.calculate(p, y, average=None, num_classes=len(groups))
            rows += [dict(level=level, name=name, segments=int(n), accuracy=round(float(r), 2),
                          f1=round(float(f), 2)) for name, n, r, f in zip(groups, support, recall, f1) if n]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('scores', help='file written by tools/test.py --dump')
    parser.add_argument('--evaluator', metavar='PKL', help='write a file for the official evaluator')
    parser.add_argument('--submission', metavar='ZIP', help='write a file for the challenge server')
    parser.add_argument('--sls', nargs=3, type=int, choices=range(6), metavar=('PT', 'TL', 'TD'),
                        help='supervision levels of pre-training, labels and data; see the challenge')
    parser.add_argument('--report', metavar='CSV', help='write accuracy and F1 by class and category')
    parser.add_argument('--classes', nargs=2, metavar=('VERBS', 'NOUNS'), help='official class files')
    args = parser.parse_args()
    if bool(args.submission) != bool(args.sls) or bool(args.report) != bool(args.classes):
        parser.error('--submission goes with --sls, and --report with --classes')
    results = read_scores(args.scores)
    if args.evaluator:
        write_evaluator(results, args.evaluator)
    if args.submission:
        write_submission(results, args.submission, args.sls)
    if args.report:
        if results['labels'].min() < 0:
            raise InputError(f'{args.scores}: has segments without labels; there is nothing to report')
        rows = report(results, dict(zip(TASKS, args.classes)))
        with open(args.report, 'w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, rows[0], lineterminator='\n')
            writer.writeheader()
            writer.writerows(rows)
        for row in rows:
            if row['level'].endswith('category'):
                print(f'{row["level"]:14} {row["name"]:24} {row["segments"]:6} segments, accuracy '
                      f'{row["accuracy"]:6.2f} %, F1 {row["f1"]:6.2f} %')
    print(f'{len(results["narration_id"])} segments read from {args.scores}')


if __name__ == '__main__':
    run_tool(main)
