"""Reads the finished runs of the study."""
import functools
import json
from pathlib import Path
from typing import Any, Dict, NamedTuple

import numpy as np
from analysis._dump import by_task, read_dump
from analysis.ablation_table import read_tables

from projects.cast.utils import InputError

from .rows import ROWS
from .scenes import Actions
from .verdict import Runs

TASKS = ('verb', 'noun', 'action')
PAPERS = {'late-add': 'late-add-tuned', 'late-concat': 'late-concat-tuned',
          'late-concat-wide': 'late-concat-tuned', 'late-concat-mlp': 'late-concat-tuned',
          'lateral': 'lateral-tuned'}  # in the paper, all is tuned


class Results(NamedTuple):
    """Finished runs by row and seed."""

    validation: Dict[str, Runs]
    free: Dict[str, Runs]  # the validation set without the prior
    logs: Dict[str, Dict[int, Dict[str, Any]]]  # result.json of each run


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


def read_results(folder: Path, validation: Actions, free: Actions) -> Results:
    """Reads the runs of a level.

    Args:
        folder: It has a folder for each run.
        validation, free: The clips of both validation sets.
    """
    actions = len(validation.nouns)
    labels = dict(verb=np.concatenate([validation.verbs, free.verbs]),
                  noun=np.concatenate([validation.nouns[:, 0], free.nouns[:, 0]]))
    results = Results({}, {}, {})
    for name in ROWS:
        for run in sorted(folder.glob(f'{name}_seed*')):
            if not (run / 'result.json').exists():
                continue
            seed, right = int(run.name.rpartition('_seed')[2]), right_of(run / 'predictions.pkl', labels)
            first = {task: r[:actions] for task, r in right.items()}
            second = {task: r[actions:] for task, r in right.items()}
            log = json.loads((run / 'result.json').read_text())
            for by_row, value in zip(results, (first, second, log)):
                by_row.setdefault(name, {})[seed] = value
    return results


@functools.lru_cache(None)  # all configs of ablations are read
def paper_of(name: str) -> Dict[str, float]:
    """Returns the paper's accuracies of a row."""
    config = ROWS[PAPERS.get(name, name)].config
    return next(row.paper for rows in read_tables().values() for row in rows if row.config == config)
