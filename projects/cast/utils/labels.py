"""Labels and scores of samples by the name of their task."""
from typing import Any, Dict, Iterable, List

import torch
from torch import Tensor

from .errors import InputError

VERB_NOUN = ('verb', 'noun')  # the order of a label without names


def in_order(tasks: Iterable[str]) -> List[str]:
    """Returns tasks, verb before noun and others by name, in an order that mmengine's sorting cannot change.

    Checkpoints hold the optimizer's state in the order of the parameters.
    """
    return sorted(tasks, key=lambda task: (task not in VERB_NOUN, task == 'noun', task))


def scores_by_task(scores: Any) -> Dict[str, Any]:
    """Returns scores by task, as they are or, if they are those of a single task, as ``action``."""
    return scores if isinstance(scores, dict) else dict(action=scores)


def labels_by_task(label: Any, tasks: Iterable[str]) -> Dict[str, Tensor]:
    """Returns the label of a sample by task.

    Args:
        label: Class index or distribution ``(classes, )`` of each task; or, as MMAction2 packs a list, a
            tensor with the class indices of verb, noun and further tasks, in this order.
        tasks: Names of the tasks.

    Raises:
        InputError: If the label is for other tasks.
    """
    tasks = list(tasks)
    if isinstance(label, dict):
        given, fits = sorted(label), set(tasks) <= set(label)
    else:
        given, fits = [*map(int, label)], len(label) == len(tasks)
    if not fits:
        raise InputError(f'a sample has labels {given} for the tasks {tasks}; the data set and the head must '
                         "have the same tasks; PackActionInputs(algorithm_keys=('gt_label', )) packs labels "
                         'by name')
    if not isinstance(label, dict):
        label = dict(zip(sorted(tasks, key=lambda task: (task not in VERB_NOUN, task == 'noun')), label))
    return {task: torch.as_tensor(label[task]) for task in tasks}
