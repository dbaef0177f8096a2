"""The study's page: tables with intervals, verdicts, what the experts know, and a picture."""
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np

from .generate import LEVELS
from .pictures import plot_accuracies, plot_clips
from .probes import CHANCE, blind, bounds
from .results import TASKS, Findings, paper_of
from .rows import FIRST_SEED, ROWS
from .verdict import Interval, Runs, accuracies, compare, over_seeds, together

LATE = ('late-add', 'late-concat', 'late-concat-wide', 'late-concat-mlp')
JUDGED, SEEDS = 'plain', set(range(FIRST_SEED, FIRST_SEED + 5))  # where the claim is judged
BLIND = 1 / 3  # an expert that knows more of what only the other is to know is not blind
# pairs of rows, of which the first is to be better; in the claim, all experts are frozen
CLAIM = [*(('full', late) for late in LATE), *((late, 'independent') for late in LATE)]
OTHERS = [('s2t-only', 'independent'), ('t2s-only', 'independent'),
          *((late, one) for one in ('s2t-only', 't2s-only')  # added when their results were known
            for late in ('late-add', 'late-concat')),
          ('late-add-tuned', 'independent-tuned'), ('late-concat-tuned', 'independent-tuned'),
          ('lateral', 'independent'), ('lateral-tuned', 'independent-tuned'),
          *(('full', name) for name in ROWS if name != 'full' and ('full', name) not in CLAIM)]


def table(header: List[str], rows: List[List[str]]) -> str:
    """Formats a Markdown table."""
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in [header, ['---'] * len(header), *rows])


def accuracy_table(runs: Dict[str, Runs], logs: Dict[str, Dict[int, Any]], bound: Dict[str, float]) -> str:
    """Returns the accuracies of all rows, with 95 % intervals over seeds."""
    rows = [['chance', '', '', '', '12.5', '12.5', '1.6', ''],
            ['bound without binding', '', '', '', *(f'{bound[task]:.1f}' for task in TASKS), '']]
    for name, seeds in runs.items():
        one, seconds = next(iter(logs[name].values())), [
            log['seconds'] for log in logs[name].values() if log['seconds']]
        rows.append([ROWS[name].title, str(len(seeds)), f'{one["learnable"] / 1000:.0f} k', f'{one["lr"]:g}',
                     *(str(over_seeds(accuracies(seeds, task))) for task in TASKS),
                     f'{np.median(seconds):.0f}' if seconds else ''])
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


def known_to_be_blind(by_objects: Dict[str, Any]) -> bool:
    """Returns whether the experts of a seed were probed on one object and on three, and are blind on both."""
    return set(by_objects) == {'1', '3'} and all(
        share <= BLIND for scores in by_objects.values() for share in blind(scores, by_objects['1']).values())


def claim(runs: Dict[str, Runs], probes: Dict[int, Dict[str, Any]]) -> str:
    """Returns the verdict of the claim: CAST over late fusion over independent experts, in verb and noun.

    Args:
        runs: Those of the validation set with the prior.
        probes: What the experts of each seed know, by number of objects.
    """
    for name in dict.fromkeys(name for pair in CLAIM for name in pair):
        if set(runs.get(name, ())) != SEEDS:
            return f'undecided, as {ROWS[name].title!r} has not been run with exactly the {len(SEEDS)} seeds'
    seeing = [seed for seed in sorted(SEEDS) if not known_to_be_blind(probes.get(seed, {}))]
    if seeing:
        return f'undecided, as the experts of the seeds {seeing} are not known to be blind'
    return together([verdict for task, _, _, verdict, *_ in comparisons(runs, CLAIM) if task != 'action'])


def probe_table(probes: Dict[int, Dict[str, Any]]) -> str:
    """Returns what the experts of each seed know, and how blind they are to what the other knows."""
    rows = [['', 'chance', '', *(f'{CHANCE[fact]:.1f}' for fact in CHANCE), '']]
    for seed, by_objects in probes.items():
        for objects, scores in by_objects.items():
            fact, share = max(blind(scores, by_objects['1']).items(), key=lambda item: item[1])
            rows += [[str(seed), objects, role, *(f'{facts[fact]:.1f}' for fact in CHANCE), most]
                     for (role, facts), most in zip(scores.items(), (f'{100 * share:.0f} % ({fact})', ''))]
    return table(['seed', 'objects', 'expert', *CHANCE, 'most of what only the other is to know'], rows)


def control_table(found: Dict[str, Tuple[float, float]]) -> str:
    """Returns how well single cues tell the labels."""
    return table(['cue', 'found', 'at most expected'],
                 [[name, f'{value:.1f}', f'{most:.1f}'] for name, (value, most) in found.items()])


def look_table(looks: Dict[int, Dict[str, Any]]) -> str:
    """Returns where CAST looks, block by block: multiples of even attention, with intervals over seeds."""
    found = list(looks.values())
    rows = [[name, str(block + 1), *(str(over_seeds([one[when][name][block] for one in found]))
                                     for when in ('before', 'after'))]
            for name, blocks in (found[0]['after'] if found else {}).items() for block in range(len(blocks))]
    return table(['attention', 'block', 'before training', 'after training'], rows)


def report(level: str, found: Findings, folder: Path) -> str:
    """Writes the tables and pictures of all finished runs of a level, and returns the tables.

    Args:
        level: Key of LEVELS.
        found: What is known about it.
        folder: Folder to write to.
    """
    (validation, free), (actions, free_actions) = found.split(), found.actions
    bound = bounds(actions, LEVELS[level].splits['validation'].prior)
    verdict = (
        f'CAST > late fusion > independent experts, in verb and noun: **{claim(validation, found.probes)}**'
        if level == JUDGED else f'The claim is judged at the level `{JUDGED}`. Here, these comparisons are')
    text = '\n\n'.join([
        f'## Level: {level}', accuracy_table(validation, found.logs, bound),
        'Where nouns and directions are independent:',
        accuracy_table(free, found.logs, bounds(free_actions, 0.5)),
        verdict, verdict_table(validation, CLAIM), 'Other comparisons:', verdict_table(validation, OTHERS),
        'The first ones, where nouns and directions are independent:',
        verdict_table(free, CLAIM[:len(LATE)]), 'What can be read linearly off the frozen experts:',
        probe_table(found.probes), 'What single cues tell:', control_table(found.controls),
        'Attention on objects, as a multiple of even attention:', look_table(found.looks)]) + '\n'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'report.md').write_text(text)
    plot_accuracies(validation, bound, folder / 'report.png')
    plot_clips(level, folder / 'clips.png')
    return f'{text}\n{folder}: report.md, report.png, clips.png'
