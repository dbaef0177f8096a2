"""Prints the accuracy on each split of a data set, and the mean of the splits.

    python tools/analysis/mean_of_splits.py split1.pkl split2.pkl split3.pkl

The files are those of tools/test.py --dump, one a split.
"""
import argparse

import numpy as np
from _dump import read_dump

from mmaction.registry import METRICS
from projects.cast.utils import InputError, run_tool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('scores', nargs='+', help='files written by tools/test.py --dump')
    args = parser.parse_args()
    rows = []
    for path in args.scores:
        samples = read_dump(path)
        metric = METRICS.build(dict(type='AccuracyMetric'))
        try:
            metric.process(None, samples)
            rows.append(metric.evaluate(len(samples)))
        except (AttributeError, KeyError, TypeError) as error:
            raise InputError(f'{path}: has no scores and labels ({error!r}); dump them again'
                             ) from error
    mean = {name: np.mean([row[name] for row in rows]) for name in ('acc/top1', 'acc/top5')}
    for path, row in [*zip(args.scores, rows), ('mean', mean)]:
        notes = ''.join(f', {name[4:]} {value:g}' for name, value in row.items() if name not in mean)
        print(f'{path}: ' + ', '.join(f'{name[4:]} {row[name]:.2f}' for name in mean) + notes)


if __name__ == '__main__':
    run_tool(main)
