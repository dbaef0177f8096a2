"""How often models tell the two verbs of a pair apart, from what they said about mini kitchens.

    python tools/analysis/pair_accuracy.py work_dirs/mini_reversed [--plot pairs.png]
    python tools/analysis/pair_accuracy.py work_dirs/mini_sound --classes EPIC_100_verb_classes.csv

Reads FOLDER/NAME_seedSEED/predictions.pkl, written by ``tools/test.py --dump``. The verbs 2 i and 2 i + 1
are a pair. Within-pair accuracy is the share of actions whose own verb scores higher than the other one of
its pair, whatever the other verbs score; a tie counts half. Who cannot tell the two apart has 50 %. With
--classes, each category of verbs has columns of its own. Intervals of 95 % are those of Student's t over the
seeds.
"""
import argparse
import re
from pathlib import Path
from typing import Dict, List, Sequence, Set, Tuple

import numpy as np
from _classes import read_categories
from _dump import by_task, read_dump
from scipy import stats

from projects.cast.datasets import read_label_map
from projects.cast.utils import InputError, run_tool

NAMES = {'xvit': 'X-ViT', 'ca2st': 'CA²ST', 'cast': 'CAST', 'cava': 'CAVA', 'audio-only': 'audio alone'}
WITHIN = 'within pair'
COLOURS = ('#34688f', '#e3a857', '#6b8e5a')
Groups = Dict[str, Set[int]]  # verbs of each group


def accuracies(samples: Sequence[dict], groups: Groups = {}) -> Dict[str, float]:
    """Returns within-pair and verb accuracy, of each group and of all verbs, noun and action accuracy.

    All are in percent. With groups, the within-pair accuracy of all verbs is left out.

    Raises:
        InputError: If the scores are not those of pairs of verbs, and of nouns.
    """
    if not all(isinstance(s['pred_score'], dict) and len(s['pred_score'].get('verb', ())) % 2 == 0 and
               {'verb', 'noun'} <= set(s['pred_score']) and s['pred_score']['verb'].isfinite().all()
               for s in samples):
        raise InputError('pair_accuracy.py needs finite scores of an even number of verbs, and of nouns, as '
                         'the models of tools/mini_reversed.sh and tools/mini_sound.sh give them')
    labels, within, right = np.zeros(len(samples), int), np.zeros(len(samples)), np.zeros((len(samples), 2))
    for i, sample in enumerate(samples):
        tasks = by_task(sample)  # a video that could not be read counts as wrong
        labels[i], score = tasks['verb']
        own, other = float(score[labels[i]]), float(score[labels[i] ^ 1])
        within[i] = (own > other) + 0.5 * (own == other)
        right[i] = [int(tasks[task][1].argmax()) == tasks[task][0] for task in ('verb', 'noun')]
    found = {}
    for group, verbs in groups.items() or {'': set(labels)}.items():
        chosen = np.isin(labels, sorted(verbs))
        found[f'{group} {WITHIN}'.strip()] = within[chosen].mean()
        found[f'{group} verb'.strip()] = right[chosen, 0].mean()
    found |= {'verb': right[:, 0].mean(), 'noun': right[:, 1].mean(), 'action': right.all(1).mean()}
    return {name: 100 * float(value) for name, value in found.items()}


def read(folder: Path, groups: Groups = {}) -> Tuple[List[str], Dict[str, np.ndarray]]:
    """Returns the names of the accuracies, and those of each model, ``(seeds, accuracies)``.

    Raises:
        InputError: If there are no results in the folder.
    """
    found: Dict[str, List[Dict[str, float]]] = {}
    for path in sorted(folder.glob('*_seed*/predictions.pkl')):
        name = re.sub(r'_seed\d+$', '', path.parent.name)
        found.setdefault(name, []).append(accuracies(read_dump(str(path)), groups))
    if not found:
        raise InputError(f'{folder}: has no NAME_seedSEED/predictions.pkl; run tools/mini_reversed.sh or '
                         'tools/mini_sound.sh')
    columns = list(next(iter(found.values()))[0])
    return columns, {name: np.array([list(row.values()) for row in rows]) for name, rows in found.items()}


def groups_of(path: str) -> Groups:
    """Returns the verbs of each category of a file of classes."""
    groups: Groups = {}
    for verb, category in enumerate(read_categories(path, len(read_label_map(path)), needed=True)):
        groups.setdefault(category, set()).add(verb)
    return groups


def short(name: str) -> str:
    """Returns what a model is called in tables and pictures."""
    family, found, row = name.partition('_mini_')
    if not found:
        return name
    name = family if re.match(r'\d', row) else row
    return NAMES.get(name, name)


def half_width(values: np.ndarray) -> float:
    """Returns half of the 95 % interval of the mean; it is infinite for a single seed."""
    if len(values) < 2:
        return float('inf')
    return float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values)**0.5)


def draw(columns: Sequence[str], results: Dict[str, np.ndarray], path: Path) -> None:
    """Draws the within-pair accuracies as bars with their intervals, and the seeds as dots."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    drawn = [i for i, column in enumerate(columns) if column.endswith(WITHIN)]
    height = 0.8 / len(drawn)
    fig, ax = plt.subplots(figsize=(7, 0.6 + 0.5 * len(results) * len(drawn)**0.5), layout='constrained')
    for n, i in enumerate(drawn):
        for y, rows in enumerate(results.values()):
            place, half = y + (n - (len(drawn) - 1) / 2) * height, half_width(rows[:, i])
            ax.barh(place, rows[:, i].mean(), height, color=COLOURS[n % len(COLOURS)], capsize=4,
                    xerr=half if np.isfinite(half) else None, label=columns[i] if not y else None)
            ax.plot(rows[:, i], [place] * len(rows), 'o', color='#c0392b', ms=4)
    ax.axvline(50, color='black', ls='--', lw=1)
    ax.set_yticks(range(len(results)), [short(name) for name in results])
    ax.set(xlabel='within-pair accuracy, % (dashed: chance)', xlim=(0, 105))
    if len(drawn) > 1:
        fig.legend(loc='outside upper center', ncols=len(drawn))
    ax.invert_yaxis()
    fig.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--classes', metavar='CSV', help='EPIC_100_verb_classes.csv, with categories')
    parser.add_argument('--plot', type=Path, metavar='PNG')
    args = parser.parse_args()
    columns, results = read(args.folder, groups_of(args.classes) if args.classes else {})
    best = columns.index('verb') if args.classes else 0
    results = dict(sorted(results.items(), key=lambda item: -item[1][:, best].mean()))
    print('| model | seeds | ' + ' | '.join(columns) + ' |\n|' + ' --- |' * (2 + len(columns)))
    for name, rows in results.items():
        cells = [f'{column.mean():.1f} ± {half_width(column):.1f}' for column in rows.T]
        print(f'| {short(name)} | {len(rows)} | ' + ' | '.join(cells) + ' |')
    if args.plot:
        draw(columns, results, args.plot)


if __name__ == '__main__':
    run_tool(main)
