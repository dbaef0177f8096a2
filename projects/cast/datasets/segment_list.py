"""One's own videos, or segments of them, with one label, several labels, or labels of several tasks."""
import csv
import io
import os
from typing import Dict, List, Union

from mmaction.datasets.base import BaseActionDataset
from mmaction.registry import DATASETS

from ..utils import InputError, in_order
from .annotations import read_annotations
from .epic_kitchens import check_segment
from .fault_tolerant import FaultTolerant

Labels = Union[int, List[int], Dict[str, int]]


@DATASETS.register_module()
class SegmentListDataset(FaultTolerant, BaseActionDataset):
    """Videos and segments from a CSV with a header, as ``tools/data/folder_list.py`` writes it.

    The column ``file`` has the path below the folder of the videos; ``start`` and ``stop``, which may be
    empty or missing, the segment, in seconds or as ``MM:SS`` or ``HH:MM:SS``. Class indices are in ``label``;
    with ``multi_class``, in ``labels``, separated by semicolons; with several tasks, in columns named after
    them. Other columns are ignored. Labels may be missing for testing only.

    Each sample has ``filename``, ``label``, with several tasks also ``gt_label``, a dict of class indices,
    and, for a segment, ``start_time`` and ``stop_time`` in seconds.

    Args:
        ann_file: The CSV.
        pipeline: Transforms.
        num_classes: Number of classes, or of those of each task.
        kwargs: See :class:`FaultTolerant` and MMAction2's ``BaseActionDataset``.

    Raises:
        MissingFileError: If the CSV is missing.
        InputError: If it has no such columns or no rows, a row cannot be read, or a label is out of range.
            The message names the file and the line.
    """

    def __init__(self, ann_file: str, pipeline, num_classes: Union[int, Dict[str, int]], **kwargs) -> None:
        self.classes = num_classes if isinstance(num_classes, dict) else dict(label=num_classes)
        super().__init__(ann_file, pipeline=pipeline, num_classes=num_classes, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Reads the CSV."""
        rows = csv.DictReader(io.StringIO(read_annotations(self.ann_file), newline=''))
        wanted = ['file', *(['labels'] if self.multi_class else [] if self.test_mode else self.classes)]
        if missing := [name for name in wanted if name not in (rows.fieldnames or [])]:
            raise InputError(f'{self.ann_file}: has the columns {rows.fieldnames}, but not {missing}; its '
                             f'first line must name {", ".join(wanted)} and may name start and stop')
        samples = [self.sample(row, f'{self.ann_file}, line {rows.line_num}') for row in rows]
        if not samples:
            raise InputError(f'{self.ann_file}: has a header, but no rows; it must list at least one video')
        return samples

    def sample(self, row: Dict[str, str], where: str) -> dict:
        """Converts one row to a sample."""
        try:
            if row.get(None):  # type: ignore[call-overload]  # csv puts surplus values under None
                raise ValueError('more values than columns')
            times = {f'{key}_time': seconds(row[key]) for key in ('start', 'stop') if row.get(key)}
            label = self.labels(row)
        except (TypeError, ValueError) as error:
            raise InputError(f'{where}: cannot be read ({error}); the columns are {row}') from error
        check_segment(times, where)
        self.check(label, where)
        name = os.path.join(self.data_prefix.get('video') or '', row['file'])
        if not isinstance(label, dict):
            return dict(filename=name, label=label, **times)
        return dict(filename=name, gt_label=label, label=[label[task] for task in in_order(label)], **times)

    def labels(self, row: Dict[str, str]) -> Labels:
        """Returns the class indices of a row; they are -1 if a row for testing has none."""
        if self.multi_class:
            return [int(label) for label in row['labels'].split(';') if label.strip()]
        unlabelled = self.test_mode and not any(row.get(task) for task in self.classes)
        found = {task: -1 if unlabelled else int(row[task]) for task in self.classes}
        return found if isinstance(self.num_classes, dict) else found['label']

    def check(self, label: Labels, where: str) -> None:
        """Raises an InputError if a class index is out of range."""
        one = label if isinstance(label, dict) else dict(label=label)
        for task, value in one.items():
            count = self.classes[task]
            for index in value if isinstance(value, list) else [value]:
                if not (-self.test_mode <= index < count):
                    raise InputError(f'{where}: {task} {index} is out of range, there are {count} (0 to '
                                     f'{count - 1}); correct the row or num_classes')


def seconds(time: str) -> float:
    """Converts seconds, ``MM:SS`` or ``HH:MM:SS`` to seconds.

    Raises:
        ValueError: If the format differs.
    """
    total = 0.
    for part in time.split(':'):
        total = 60 * total + float(part)
    return total
