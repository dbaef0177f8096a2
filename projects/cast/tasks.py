"""The order of tasks: that of the labels, whatever order a config has them in."""
from typing import Dict, TypeVar

Value = TypeVar('Value')
ORDER = ('verb', 'noun')


def in_order(tasks: Dict[str, Value]) -> Dict[str, Value]:
    """The same tasks with verb before noun, as labels have them; others stay as they are.

    The config that mmengine writes into a work directory has the keys of all its dicts sorted.
    """
    known = {task: tasks[task] for task in ORDER if task in tasks}
    return {**known, **tasks}
