"""What the study found: finished runs, read from their folder or from the file that the repository keeps.

The file has, for each run, which clips are right, so that tables and verdicts can be computed anew.
"""
import functools
import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

import numpy as np
from analysis._dump import by_task, read_dump
from analysis.ablation_table import read_tables

from projects.cast.utils import InputError

from .generate import read_objects, redraw
from .jobs import write_json
from .rows import ROWS, VERSION
from .scenes import Actions
from .verdict import Runs

TASKS = ('verb', 'noun', 'action')
PAPERS = {'late-add': 'late-add-tuned', 'late-concat': 'late-concat-tuned',
          'late-concat-wide': 'late-concat-tuned', 'late-concat-mlp': 'late-concat-tuned',
          'lateral': 'lateral-tuned'}  # in the paper, all is tuned


class Findings(NamedTuple):
    """What is known about a level.

    Attributes:
        right: Which clips are right, by row, seed and task: first the validation set with the prior, then the
            one without.
        logs: result.json of each run, by row and seed.
        probes: What the experts of a seed know, by seed and number of objects.
        looks: Where CAST looks, by seed.
        controls: What single cues tell.
        actions: Those of both validation sets.
    """

    right: Dict[str, Runs]
    logs: Dict[str, Dict[int, Dict[str, Any]]]
    probes: Dict[int, Dict[str, Any]]
    looks: Dict[int, Dict[str, Any]]
    controls: Dict[str, Tuple[float, float]]
    actions: Tuple[Actions, Actions]

    def split(self) -> List[Dict[str, Runs]]:
        """Returns which clips are right in each of the validation sets."""
        count = len(self.actions[0].nouns)
        return [{name: {seed: {task: right[part] for task, right in by_task.items()}
                        for seed, by_task in runs.items()} for name, runs in self.right.items()}
                for part in (slice(count), slice(count, None))]


def right_of(file: Path, labels: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """Returns which clips a run has right, by task.

    Raises:
        InputError: If it was tested on other clips.
    """
    samples, right = [by_task(sample) for sample in read_dump(str(file))], {}
    for task, wanted in labels.items():
        if not np.array_equal([sample[task][0] for sample in samples], wanted):
            raise InputError(f'{file}: was tested on other clips than those of the study; delete its folder')
        right[task] = np.array([int(sample[task][1].argmax()) for sample in samples]) == wanted
    return dict(right, action=right['verb'] & right['noun'])


def read_work(level: str, work: Path, data: Path) -> Findings:
    """Reads the finished runs in a folder.

    Raises:
        InputError: If the level has no clips, or a run was tested on others.
    """
    if not (data / level / 'complete').exists():
        raise InputError(f'{data / level}: has no clips; run tools/mini_study.py --level {level} first')
    actions = read_objects(data / level, 'validation'), read_objects(data / level, 'no-prior')
    labels = dict(verb=np.concatenate([a.verbs for a in actions]),
                  noun=np.concatenate([a.nouns[:, 0] for a in actions]))
    found = Findings({}, {}, {}, {}, read_json(work / level / 'controls.json'), actions)
    for name in ROWS:
        for run in sorted((work / level / 'runs').glob(f'{name}_seed*')):
            if not (run / 'result.json').exists():
                continue
            seed = int(run.name.rpartition('_seed')[2])
            found.right.setdefault(name, {})[seed] = right_of(run / 'predictions.pkl', labels)
            found.logs.setdefault(name, {})[seed] = read_json(run / 'result.json')
            for values, file in ((found.looks, run / 'looks.json'),
                                 (found.probes, work / 'experts' / f'probes_seed{seed}.json')):
                if file.exists():
                    values[seed] = read_json(file)
    return found


def read_json(file: Path) -> Dict[str, Any]:
    """Reads a file, which is empty if it is missing."""
    return json.loads(file.read_text()) if file.exists() else {}


def published(level: str) -> Path:
    """Returns the file of a level that the repository keeps."""
    return Path(__file__).parents[2] / 'docs' / f'evidence_{level}.json'


def read_published(level: str) -> Findings:
    """Reads what the repository keeps of a level.

    Raises:
        InputError: If there is nothing of this version of the study.
    """
    kept = read_json(published(level))
    if kept.get('version') != VERSION:
        raise InputError(f'{published(level)}: has no results of version {VERSION} of the study, as none '
                         f'have been published; tools/mini_study.py --level {level} runs the study, and '
                         '--report shows what you have run')
    actions = redraw(level, 'validation'), redraw(level, 'no-prior')
    clips, right, logs = sum(len(a.nouns) for a in actions), {}, {}
    for name, runs in kept['runs'].items():
        for seed, run in runs.items():
            bits = {task: np.frombuffer(bytes.fromhex(run.pop(task)), np.uint8) for task in TASKS[:2]}
            tasks = {task: np.unpackbits(packed, count=clips).astype(bool) for task, packed in bits.items()}
            right.setdefault(name, {})[int(seed)] = dict(tasks, action=tasks['verb'] & tasks['noun'])
            logs.setdefault(name, {})[int(seed)] = run
    probes, looks = ({int(seed): value for seed, value in kept[key].items()} for key in ('probes', 'looks'))
    return Findings(right, logs, probes, looks, kept['controls'], actions)


def publish(level: str, found: Findings) -> None:
    """Adds runs to the file that the repository keeps; what it has already stays."""
    kept = read_json(published(level))
    if kept.get('version') != VERSION:
        kept = dict(version=VERSION, runs={}, probes={}, looks={}, controls={})
    kept['controls'] = found.controls or kept['controls']
    for name, runs in found.right.items():
        for seed, tasks in runs.items():
            bits = {task: np.packbits(tasks[task]).tobytes().hex() for task in TASKS[:2]}
            kept['runs'].setdefault(name, {}).setdefault(str(seed), dict(found.logs[name][seed], **bits))
    for key in ('probes', 'looks'):
        for seed, value in getattr(found, key).items():
            kept[key].setdefault(str(seed), value)
    kept['runs'] = {name: kept['runs'][name] for name in ROWS if name in kept['runs']}
    write_json(published(level), kept)


@functools.lru_cache(None)  # all configs of ablations are read
def paper_of(name: str) -> Dict[str, float]:
    """Returns the paper's accuracies of a row."""
    config = ROWS[PAPERS.get(name, name)].config
    return next(row.paper for rows in read_tables().values() for row in rows if row.config == config)
