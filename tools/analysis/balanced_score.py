"""Balanced spatio-temporal understanding: harmonic means of top-1 accuracies (paper, section 4.3, table 2).

    python tools/analysis/balanced_score.py --ek100 EK100.json --ssv2 SSV2.json --k400 K400.json

The JSON files are those that tools/test.py writes to work_dir/TIME/TIME.json. The output, in percent, is the
mean over SSV2 and K400 and the mean over EK100 verb, EK100 noun, SSV2 and K400, beside the paper's rows.
"""
import argparse
import json
from statistics import harmonic_mean
from typing import Dict, List, Optional

from projects.cast.utils import InputError, run_tool

COLUMNS = ('verb', 'noun', 'ssv2', 'k400')
PAPER = {  # top-1 in table 2; None if the paper gives no number
    'CLIP': (54.9, 52.7, 47.8, 78.9),
    'VideoMAE': (70.5, 51.4, 70.8, 81.5),
    'AIM': (64.8, 55.5, 68.1, 84.5),
    'ST-Adapter': (67.6, 55.0, 69.5, 82.7),
    'BEVT': (None, None, 70.6, 80.6),
    'OMNIVORE': (69.5, 61.7, 71.4, 84.0),
    'MTV-HR': (68.0, 63.1, 68.5, 82.4),
    'CAST': (72.5, 60.9, 71.6, 85.3),
}
Row = Dict[str, Optional[float]]


def read(path: Optional[str], keys: Dict[str, str]) -> Row:
    """Reads the accuracies, in percent, of one metric file.

    Args:
        path: Path of the JSON file; None if there is no run.
        keys: Name of the metric for each column.

    Raises:
        InputError: If a metric is not in the file.
    """
    if path is None:
        return dict.fromkeys(keys)
    with open(path, encoding='utf-8') as file:
        try:
            metrics = json.load(file)
        except ValueError as error:
            raise InputError(f'{path}: is no JSON ({error}); give TIME/TIME.json of a test run') from error
    missing = [key for key in keys.values() if key not in metrics]
    if missing:
        raise InputError(f'{path}: no {", ".join(missing)}; it has {", ".join(metrics)}. Is it of another '
                         'data set?')
    return {column: metrics[key] for column, key in keys.items()}


def with_means(row: Row) -> Row:
    """Adds the harmonic means whose accuracies are all given."""
    for name, columns in (('ssv2+k400', COLUMNS[2:]), ('all', COLUMNS)):
        values = [row[c] for c in columns]
        row[name] = None if None in values else harmonic_mean(values)  # type: ignore[type-var]
    return row


def table(rows: Dict[str, Row]) -> List[str]:
    """Returns the lines of a markdown table."""
    head = ['', 'EK100 verb', 'EK100 noun', 'SSV2', 'K400', 'H.M. SSV2, K400', 'H.M. all']
    lines = [head, ['---'] * len(head)]
    lines += [[name, *('–' if v is None else f'{v:.1f}' for v in row.values())] for name, row in rows.items()]
    return ['| ' + ' | '.join(cells) + ' |' for cells in lines]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    for name in ('ek100', 'ssv2', 'k400'):
        parser.add_argument(f'--{name}', metavar='JSON', help=f'metrics of a test run on {name}')
    args = parser.parse_args()
    rows = {f'{name} (paper)': with_means(dict(zip(COLUMNS, values))) for name, values in PAPER.items()}
    own = {
        **read(args.ek100, dict(verb='acc/verb_top1', noun='acc/noun_top1')),
        **read(args.ssv2, dict(ssv2='acc/top1')),
        **read(args.k400, dict(k400='acc/top1'))}
    if any(value is not None for value in own.values()):
        rows['this run'] = with_means(own)
    print('\n'.join(table(rows)))


if __name__ == '__main__':
    run_tool(main)
