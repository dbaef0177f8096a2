"""Labels of samples, by the name of the task."""
from typing import Any, Dict, Iterable, List, Sequence

import torch
from torch import Tensor

from .errors import InputError

VERB_NOUN = ('verb', 'noun')  # the order in which a label without names holds them


def in_order(tasks: Iterable[str]) -> List[str]:
    """Verb before noun, others by name: the same order whether or not mmengine has sorted a config's keys.

    Checkpoints hold the optimizer's state in the order of the parameters.
    """
    return sorted(tasks, key=lambda task: (task not in VERB_NOUN, task == 'noun', task))


def labels_by_task(label: Any, tasks: Sequence[str]) -> Dict[str, Tensor]:
    """The label of a sample, by task.

    Args:
        label: task to class index or distribution ``(classes, )``; or, as MMAction2 packs a list, the tensor
            ``[verb, noun]``.
        tasks: names of the tasks.

    Raises:
        InputError: if the label has no names, or others.
    """
    if not isinstance(label, dict):
        if set(tasks) != set(VERB_NOUN) or len(label) != 2:
            raise InputError(f'a label {[*map(int, label)]} without names does not fit the tasks '
                             f'{list(tasks)}; give a dict by task, which PackActionInputs packs with '
                             "algorithm_keys=('gt_label', )")
        label = dict(zip(VERB_NOUN, label))
    if set(label) != set(tasks):
        raise InputError(f'a sample has labels for {sorted(label)}, but the tasks are {sorted(tasks)}; '
                         'the data set and the head must have the same')
    return {task: torch.as_tensor(label[task]) for task in tasks}
