"""How often models tell an action from its reversal, from what they said about the reversed mini kitchens.

    python tools/analysis/pair_accuracy.py work_dirs/mini_reversed [--plot pairs.png]

Reads FOLDER/NAME_seedSEED/predictions.pkl, written by ``tools/test.py --dump``. The verbs 2 i and 2 i + 1
are a pair. Within-pair accuracy is the share of actions whose own verb scores higher than its reversal's,
whatever the other verbs score; a tie counts half. A model that does not know the order of frames has 50 %.
Intervals of 95 % are those of Student's t over the seeds.
"""
import argparse
import re
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np
from _dump import read_dump
from scipy import stats

from projects.cast.utils import InputError, run_tool

COLUMNS = ('within pair', 'verb', 'noun')


def accuracies(samples: Sequence[dict]) -> Tuple[float, float, float]:
    """Returns within-pair, verb and noun accuracy, in percent.

    Raises:
        InputError: If the scores are not those of pairs of verbs, and of nouns.
    """
    if not all(isinstance(s['pred_score'], dict) and len(s['pred_score'].get('verb', ())) % 2 == 0 and
               {'verb', 'noun'} <= set(s['pred_score']) and s['pred_score']['verb'].isfinite().all()
               for s in samples):
        raise InputError('pair_accuracy.py needs finite scores of an even number of verbs, and of nouns, as '
                         'the models of tools/mini_reversed.sh give them')
    rows = []
    for sample in samples:
        (verb, noun), score = (sample['gt_label'][t] for t in ('verb', 'noun')), sample['pred_score']
        own, other = float(score['verb'][verb]), float(score['verb'][verb ^ 1])
        rows.append(((own > other) + 0.5 * (own == other),
                     int(score['verb'].argmax()) == verb, int(score['noun'].argmax()) == noun))
    within, verbs, nouns = 100 * np.mean(rows, 0)
    return within, verbs, nouns


def read(folder: Path) -> Dict[str, np.ndarray]:
    """Returns the accuracies of each model, ``(seeds, 3)``.

    Raises:
        InputError: If there are no results in the folder.
    """
    found: Dict[str, List[Tuple[float, float, float]]] = {}
    for path in sorted(folder.glob('*_seed*/predictions.pkl')):
        name = re.sub(r'_seed\d+$', '', path.parent.name)
        found.setdefault(name, []).append(accuracies(read_dump(str(path))))
    if not found:
        raise InputError(f'{folder}: has no NAME_seedSEED/predictions.pkl; run tools/mini_reversed.sh')
    return {name: np.array(rows) for name, rows in found.items()}


def short(name: str) -> str:
    """Returns what a model is called in tables and pictures."""
    return re.sub(r'^xvit_mini_(\d.*)?', '', name) or 'X-ViT'


def half_width(values: np.ndarray) -> float:
    """Returns half of the 95 % interval of the mean; it is infinite for a single seed."""
    if len(values) < 2:
        return float('inf')
    return float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values)**0.5)


def draw(results: Dict[str, np.ndarray], path: Path) -> None:
    """Draws the within-pair accuracies as bars with their intervals, and the seeds as dots."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    fig, ax = plt.subplots(figsize=(7, 0.6 + 0.5 * len(results)), layout='constrained')
    for y, rows in enumerate(results.values()):
        half = half_width(rows[:, 0])
        ax.barh(y, rows[:, 0].mean(), color='#34688f', xerr=half if np.isfinite(half) else None, capsize=4)
        ax.plot(rows[:, 0], [y] * len(rows), 'o', color='#c0392b', ms=4)
    ax.axvline(50, color='black', ls='--', lw=1)
    ax.set_yticks(range(len(results)), [short(name) for name in results])
    ax.set(xlabel='within-pair accuracy, % (dashed: chance)', xlim=(0, 105))
    ax.invert_yaxis()
    fig.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--plot', type=Path, metavar='PNG')
    args = parser.parse_args()
    results = dict(sorted(read(args.folder).items(), key=lambda item: -item[1][:, 0].mean()))
    print('| model | seeds | ' + ' | '.join(COLUMNS) + ' |\n|' + ' --- |' * (2 + len(COLUMNS)))
    for name, rows in results.items():
        cells = [f'{column.mean():.1f} ± {half_width(column):.1f}' for column in rows.T]
        print(f'| {short(name)} | {len(rows)} | ' + ' | '.join(cells) + ' |')
    if args.plot:
        draw(results, args.plot)


if __name__ == '__main__':
    run_tool(main)
