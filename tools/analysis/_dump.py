"""Reads what ``tools/test.py --dump`` wrote."""
import pickle
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import torch
from torch import Tensor

from projects.cast.utils import InputError, in_order, labels_by_task, scores_by_task

NAMES = 'give each of several runs a name of its own, as in CAST=RESULTS.pkl'


def read_dump(path: str) -> Any:
    """Returns the content of such a file, a list with a dict per sample unless it is something else.

    Raises:
        InputError: If it is no pickle.
    """
    with open(path, 'rb') as file:
        try:
            return pickle.load(file)  # the user's own file, written by mmengine
        except (pickle.UnpicklingError, EOFError, ImportError, AttributeError, LookupError,
                ValueError) as error:
            reason = ' '.join(str(error).split())
            raise InputError(f'{path}: is no file of tools/test.py --dump ({reason})') from error


def read_samples(path: str, keys: Sequence[str], problem: str) -> List[dict]:
    """Returns the samples of such a file.

    Args:
        path: Path of the file.
        keys: What every sample must have.
        problem: What is wrong if one has not, for the message of the error.

    Raises:
        InputError: If it holds no samples, or one lacks a key.
    """
    samples = read_dump(path)
    if not isinstance(samples, list) or not samples or not all(
            isinstance(sample, dict) and {*keys} <= {*sample} for sample in samples):
        raise InputError(f'{path}: {problem}')
    return samples


def by_task(sample: dict) -> Dict[str, Tuple[int, Tensor]]:
    """Returns the label and the scores ``(classes, )`` of each task; a single task is called ``action``.

    If the video could not be read, the right class scores lowest, so that the prediction is wrong.

    Raises:
        InputError: If a label is a distribution over the classes.
    """
    scores = scores_by_task(sample['pred_score'])
    found = {}
    for task, label in labels_by_task(sample['gt_label'], in_order(scores)).items():
        score = scores[task]
        if label.numel() != 1:
            raise InputError(f'a sample has {label.numel()} numbers as its label for {task}; test on data '
                             'with one class per sample and task')
        if sample.get('broken'):
            score = score.masked_fill(torch.arange(len(score)) == label, -torch.inf)
        found[task] = int(label), score
    return found


def named(arguments: Sequence[str], rule: str = NAMES) -> Dict[str, str]:
    """Returns the files of arguments ``NAME=FILE`` by their names; a single one needs no name.

    Args:
        arguments: What the user gave.
        rule: What the user has to give, for the message of the error.

    Raises:
        InputError: If there are several, and not all have a name of their own.
    """
    if len(arguments) == 1 and ('=' not in arguments[0] or Path(arguments[0]).is_file()):
        return {'model': arguments[0]}
    files = {name: path for name, found, path in (text.partition('=') for text in arguments) if found}
    if len(files) < len(arguments):
        raise InputError(f'got {" ".join(arguments)}; {rule}')
    return files
