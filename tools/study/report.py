"""The study's page: tables with intervals, verdicts, what the experts know, and a picture."""
import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np

from .generate import LEVELS, read_objects
from .pictures import plot_accuracies, plot_clips
from .probes import CHANCE, blind, bounds
from .results import TASKS, paper_of, read_results
from .rows import ROWS
from .verdict import Interval, Runs, accuracies, compare, over_seeds, together

LATE = ('late-add', 'late-concat', 'late-concat-wide')
# pairs of rows, of which the first is to be better; in the claim, all experts are frozen
CLAIM = [*(('full', late) for late in LATE), *((late, 'independent') for late in LATE)]
OTHERS = [('full', 's2t-only'), ('full', 't2s-only'), ('s2t-only', 'independent'),
          ('t2s-only', 'independent'), ('full', 'lateral'), ('full', 'late-concat-tuned'),
          ('late-concat-tuned', 'independent-tuned')]


def table(header: List[str], rows: List[List[str]]) -> str:
    """Formats a Markdown table."""
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in [header, ['---'] * len(header), *rows])


def accuracy_table(runs: Dict[str, Runs], logs: Dict[str, Dict[int, Any]], bound: Dict[str, float]) -> str:
    """Returns the accuracies of all rows, with 95 % intervals over seeds."""
    rows = [['chance', '', '', '', '12.5', '12.5', '1.6', ''],
            ['bound without binding', '', '', '', *(f'{bound[task]:.1f}' for task in TASKS), '']]
    for name, seeds in runs.items():
        one, seconds = next(iter(logs[name].values())), [log['seconds'] for log in logs[name].values()]
        rows.append([ROWS[name].title, str(len(seeds)), f'{one["learnable"] / 1000:.0f} k', f'{one["lr"]:g}',
                     *(str(over_seeds(accuracies(seeds, task))) for task in TASKS),
                     f'{np.median(seconds):.0f}'])
    return table(['row', 'seeds', 'learnable', 'lr', *TASKS, 's/run'], rows)


Comparison = Tuple[str, str, str, str, Interval, Interval]


def comparisons(runs: Dict[str, Runs], pairs: List[Tuple[str, str]]) -> Iterator[Comparison]:
    """Yields task, both rows, verdict, and the difference's intervals, for pairs that have been run."""
    for better, worse in pairs:
        if better in runs and worse in runs:
            for task in TASKS:
                yield (task, better, worse, *compare(runs[better], runs[worse], task))


def verdict_table(runs: Dict[str, Runs], pairs: List[Tuple[str, str]]) -> str:
    """Returns the verdict of each comparison, next to the paper's difference."""
    rows = [[f'{ROWS[better].title} > {ROWS[worse].title}', task, f'{seeds.mean:+.1f}',
             *(f'{interval.low:+.1f} to {interval.high:+.1f}' for interval in (seeds, both)),
             f'{paper_of(better)[task] - paper_of(worse)[task]:+.1f}', verdict]
            for task, better, worse, verdict, seeds, both in comparisons(runs, pairs)]
    return table(['comparison', 'task', 'difference', 'over seeds', 'over seeds and clips', "the paper's",
                  'verdict'], rows)


def claim(runs: Dict[str, Runs]) -> str:
    """Returns the verdict of the claim: CAST over late fusion over independent experts, in verb and noun."""
    if not all(name in runs for pair in CLAIM for name in pair):
        return 'undecided, as rows are missing'
    return together([verdict for task, _, _, verdict, *_ in comparisons(runs, CLAIM) if task != 'action'])


def probe_table(experts: Path) -> str:
    """Returns what the experts of each seed know, and how blind they are to what the other knows."""
    rows = [['', 'chance', '', *(f'{CHANCE[fact]:.1f}' for fact in CHANCE), '']]
    for path in sorted(experts.glob('probes_seed?.json')):
        for objects, scores in json.loads(path.read_text()).items():
            sees = max(blind(scores).items(), key=lambda item: item[1])
            most = f'{100 * sees[1]:.0f} % ({sees[0]})' if objects == '1' else ''
            rows += [[path.stem[-1], objects, role, *(f'{facts[fact]:.1f}' for fact in CHANCE), most]
                     for role, facts in scores.items()]
    return table(['seed', 'objects', 'expert', *CHANCE, 'most of what only the other should know'], rows)


def report(level: str, work: Path, data: Path) -> str:
    """Writes the tables and the picture of all finished runs of a level, and returns the tables."""
    actions, free = (read_objects(data / level, split) for split in ('validation', 'no-prior'))
    results = read_results(work / level / 'runs', len(actions.nouns))
    bound = bounds(actions, LEVELS[level].splits['validation'].prior)
    parts = [
        f'## Level: {level}', accuracy_table(results.validation, results.logs, bound),
        'Where nouns and directions are independent:',
        accuracy_table(results.free, results.logs, bounds(free, 0.5)),
        f'CAST > late fusion > independent experts, in verb and noun: **{claim(results.validation)}**',
        verdict_table(results.validation, CLAIM), 'Other comparisons:',
        verdict_table(results.validation, OTHERS), 'What can be read linearly off the frozen experts:',
        probe_table(work / 'experts')]
    folder = work / level
    folder.mkdir(parents=True, exist_ok=True)
    text = '\n\n'.join(parts) + '\n'
    (folder / 'report.md').write_text(text)
    plot_accuracies(results.validation, bound, folder / 'report.png')
    plot_clips(level, folder / 'clips.png')
    return f'{text}\n{folder}: report.md, report.png, clips.png'
