"""Collects finished test runs into the paper's ablation tables: the paper's number, ours, the difference.

    python tools/analysis/ablation_table.py [work_dirs] [--csv ablations.csv]

A run belongs to a row if its folder has the name of the row's config (the default work_dir of tools/test.py),
optionally followed by _seedN. Several runs are averaged. The newest metrics in a
folder count. The paper's numbers are read from the headers of the configs.
"""
import argparse
import csv
import json
import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from projects.cast.utils import InputError, run_tool

CONFIGS = Path(__file__).parents[2] / 'configs' / 'cast'
KEYS = {'verb': 'acc/verb_top1', 'noun': 'acc/noun_top1', 'action': 'acc/action_top1'}


class Row(NamedTuple):
    """One row of the paper. Accuracies are top-1 in percent by task, or under '' for a single label."""

    tables: List[str]
    name: str
    dataset: str
    config: str
    paper: Dict[str, float]


def data_set(path: Path) -> str:
    """Returns the data set of a row, which is that of the main config from which it finally inherits."""
    base = re.search(r"^_base_ = '(.*)'", path.read_text(encoding='utf-8'), flags=re.M)
    found = base and re.search(r'_(ek100|ssv2|k400)-rgb', base.group(1))
    return found.group(1) if found else data_set(path.parent / base.group(1)) if base else ''


def read_rows() -> List[Row]:
    """Reads the rows of all ablation configs.

    Raises:
        ValueError: If the header of a config is not as expected.
    """
    rows = []
    for path in sorted((CONFIGS / 'ablations').glob('*.py')):
        text = path.read_text(encoding='utf-8')
        title, numbers = text.splitlines()[:2]
        dataset = data_set(path)
        head = re.fullmatch(r'# Tables? (.+?), (.+)\.', title)
        values = re.findall(r'(\d+\.\d)(?: (verb|noun|action))?', numbers)
        if not head or not values or not dataset or not numbers.startswith("# The paper's: "):
            raise ValueError(f'{path}: its first two lines should be "# Table N, NAME." and '
                             '"# The paper\'s: ... top-1."')
        tables, paper = head.group(1).split(' and '), {task: float(v) for v, task in values}
        rows.append(Row(tables, head.group(2), dataset, path.stem, paper))
    return rows


def read_tables() -> Dict[str, List[Row]]:
    """Returns the paper's tables that the rows name, each of which ends with the full model."""
    rows = read_rows()
    full = {path.stem.rpartition('_')[2].removesuffix('-rgb'): path.stem for path in CONFIGS.glob('*.py')}
    ablation = [Row([], 'CAST', 'ek100', full['ek100'], dict(verb=72.5, noun=60.3, action=48.7))]
    best = {'ek100': dict(verb=72.5, noun=60.9, action=49.3), 'ssv2': {'': 71.6}, 'k400': {'': 85.3}}
    single = [Row([], 'CAST', dataset, full[dataset], paper) for dataset, paper in best.items()]
    tables: Dict[str, List[Row]] = {}
    for row in rows:
        for table in row.tables:
            tables.setdefault(table, []).append(row)
    for table, members in tables.items():
        datasets = {row.dataset for row in members}
        members += [row for row in (single if table in ('2', '9', '10', '11') else ablation)
                    if row.dataset in datasets]
    return dict(sorted(tables.items(), key=lambda item: [int(n) if n.isdigit() else n for n in
                                                         item[0].split(' ', 1)]))


def newest_metrics(folder: Path) -> Optional[Dict[str, float]]:
    """Returns the metrics that tools/test.py last wrote to a work_dir, or None if there are none."""
    for path in sorted(folder.glob('*/*.json'), key=lambda p: p.stat().st_mtime, reverse=True):
        try:
            metrics = json.loads(path.read_text(encoding='utf-8'))
        except json.JSONDecodeError as error:
            raise InputError(f'{path}: line {error.lineno} is no JSON; test again') from error
        if any(key.startswith('acc/') for key in metrics):
            return metrics
    return None


def measured(row: Row, root: Path) -> Dict[str, float]:
    """Returns our accuracies in percent, averaged over runs; without a run, nothing."""
    folders = [f for f in root.iterdir() if re.fullmatch(re.escape(row.config) + r'(_seed\d+)?', f.name)]
    runs = [m for m in map(newest_metrics, folders) if m]
    if not runs:
        return {}
    result = {}
    for task in row.paper:
        key = KEYS[task] if task else 'acc/top1'
        result[task] = sum(run[key] for run in runs) / len(runs)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('work_dirs', nargs='?', type=Path, default=Path('work_dirs'))
    parser.add_argument('--csv', metavar='FILE', help='also write the table to this file')
    args = parser.parse_args()
    if not args.work_dirs.is_dir():
        raise InputError(f'{args.work_dirs}: no such folder; give that of the runs')
    header = ['table', 'row', 'data', 'task', "paper's", 'ours', 'difference']
    lines = []
    for table, rows in read_tables().items():
        print(f'\n### Table {table}\n')
        tasks = list(dict.fromkeys(task for row in rows for task in row.paper))
        titles = [task or 'top-1' for task in tasks]
        print('| ' + ' | '.join(['', *(f'{t}: paper\'s | ours | difference' for t in titles)]) + ' |')
        print('|' + ' --- |' * (1 + 3 * len(tasks)))
        for row in rows:
            ours, cells = measured(row, args.work_dirs), []
            for task, title in zip(tasks, titles):
                paper, own = row.paper.get(task), ours.get(task)
                cells += ['' if paper is None else f'{paper:.1f}', *(
                    ('', '') if paper is None or own is None else (f'{own:.1f}', f'{own - paper:+.1f}'))]
                if paper is not None:
                    lines.append([table, row.name, row.dataset, title, *cells[-3:]])
            print('| ' + ' | '.join([f'{row.name} ({row.dataset})', *cells]) + ' |')
    if args.csv:
        with open(args.csv, 'w', newline='', encoding='utf-8') as file:
            csv.writer(file, lineterminator='\n').writerows([header, *lines])


if __name__ == '__main__':
    run_tool(main)
