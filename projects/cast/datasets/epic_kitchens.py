"""EPIC-KITCHENS-100, from its official annotations or from a list of trimmed clips."""
import csv
import io
import math
import os
import re
from typing import Callable, Dict, List, Optional, Union

from mmaction.datasets.base import BaseActionDataset
from mmaction.registry import DATASETS
from mmaction.utils import ConfigType

from ..utils import VERB_NOUN, InputError, in_order
from .annotations import read_annotations
from .fault_tolerant import FaultTolerant


@DATASETS.register_module()
class EpicKitchensDataset(FaultTolerant, BaseActionDataset):
    """Segments of videos with verb and noun labels, or with the labels of other tasks.

    Two kinds of annotation file are supported, which are distinguished by their columns:

    - the official CSV (https://github.com/epic-kitchens/epic-kitchens-100-annotations) with a header, for
      long videos that are sampled from ``start_timestamp`` to ``stop_timestamp`` without being cut;
    - a list of trimmed clips, ``narration_id,verb,noun``, as in the release. It needs no header; a file with
      a header is such a list if it has no time stamps.

    The columns of class indices are named after the tasks, or ``<task>_class`` if there is such a column.
    Tasks other than verb and noun need the header. Missing labels, as in the challenge's test set, are -1;
    this is allowed only for testing.

    Each sample has ``filename``, ``gt_label`` (a dict of the class index of each task), ``label`` (the same
    as a list, verb first, for pipelines that do not pack ``gt_label``), ``narration_id`` and, with the
    official file, ``start_time`` and ``stop_time`` in seconds.

    Args:
        ann_file: The annotation file.
        pipeline: Transforms.
        data_prefix: ``dict(video=FOLDER)``.
        video_template: Path below FOLDER, with the names of columns in braces. None means
            ``{participant_id}/videos/{video_id}.MP4`` (the layout of EPIC's own download script) for the
            official file, and ``{narration_id}.mp4`` for trimmed clips.
        num_classes: Number of classes of each task.
        kwargs: See :class:`FaultTolerant` and MMAction2's ``BaseActionDataset``.

    Raises:
        MissingFileError: If the annotation file is missing.
        InputError: If there are no rows, a label is out of range, a row cannot be read, or
            ``video_template`` does not fit the columns. The message names the file and the line.
    """

    def __init__(self,
                 ann_file: str,
                 pipeline: List[Union[ConfigType, Callable]],
                 data_prefix: ConfigType = dict(video=''),
                 video_template: Optional[str] = None,
                 num_classes: Dict[str, int] = dict(verb=97, noun=300),
                 **kwargs) -> None:
        self.video_template = video_template
        self.classes = num_classes
        super().__init__(ann_file, pipeline=pipeline, data_prefix=data_prefix, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Reads the annotation file."""
        text = read_annotations(self.ann_file)
        header = [name.strip() for name in next(csv.reader(io.StringIO(text)))]
        columns = header if 'narration_id' in header else ['narration_id', *VERB_NOUN]
        labels = {task: f'{task}_class' if f'{task}_class' in columns else task for task in self.classes}
        rows = csv.DictReader(io.StringIO(text, newline=''), columns)
        if 'narration_id' in header:
            next(rows)
        samples = [self.sample(row, rows.line_num, labels) for row in rows]
        if not samples:
            raise InputError(f'{self.ann_file}: has a header, but no rows; it must list at least one segment')
        return samples

    def sample(self, row: Dict[str, str], line: int, columns: Dict[str, str]) -> dict:
        """Converts one row to a sample; ``columns`` has the column of each task."""
        where = f'{self.ann_file}, line {line}'
        official = 'start_timestamp' in row
        template = self.video_template or (
            '{participant_id}/videos/{video_id}.MP4' if official else '{narration_id}.mp4')
        path = path_of(row, template, where)
        try:
            no_label = not any(row.get(column) for column in columns.values())
            one_word = not re.search(r'[\s;]', row['narration_id'])  # otherwise the row has another separator
            unlabelled = self.test_mode and no_label and one_word
            label = {task: -1 if unlabelled else int(row[column]) for task, column in columns.items()}
            times = time_stamps(row) if official else {}
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f'{where}: cannot be read ({error!r}); the columns are {row}. Is this an '
                             'EPIC-KITCHENS-100 CSV or a list of narration_id,verb,noun with class numbers?'
                             ) from error
        for kind, value in label.items():
            count = self.classes[kind]
            if not (unlabelled or 0 <= value < count):
                raise InputError(f'{where}: {kind} class {value} is out of range, there are {count} '
                                 f'(0 to {count - 1}); correct the row or set num_classes')
        check_segment(times, where)
        filename = os.path.join(self.data_prefix.get('video') or '', path)
        return dict(filename=filename, gt_label=label, label=[label[task] for task in in_order(label)],
                    narration_id=row['narration_id'], **times)


def path_of(row: Dict[str, str], template: str, where: str) -> str:
    """Returns the path of a row's video, and rejects rows with more columns than the header.

    Args:
        row: Values by column, as ``csv.DictReader`` reads them.
        template: Path with the names of columns in braces.
        where: File and line, for messages.

    Raises:
        InputError: If there are more columns, or the template does not fit them.
    """
    row = {**row}
    if more := row.pop(None, None):  # type: ignore[call-overload]  # csv puts surplus values under None
        raise InputError(f'{where}: has {len(more)} columns more than {",".join(row)}: {more}')
    try:
        return template.format(**row)
    except (KeyError, IndexError, ValueError) as error:
        raise InputError(f'{where}: video_template={template!r} does not fit the columns {[*row]} '
                         f'({error!r}); name only columns in it, as in '
                         "video_template='{narration_id}.mp4'") from error


def time_stamps(row: Dict[str, str]) -> Dict[str, float]:
    """Returns ``start_time`` and ``stop_time`` of a row in seconds.

    Raises:
        KeyError, ValueError: If a time stamp is missing or has another format.
    """
    return {key: seconds(row[f'{key}stamp']) for key in ('start_time', 'stop_time')}


def check_segment(times: Dict[str, float], where: str) -> None:
    """Raises an InputError if a segment lacks an end, or is not between 0 and a later time.

    Without any times, there is no segment.
    """
    if len(times) == 1:
        raise InputError(f'{where}: a segment needs both start and stop')
    if times and not 0 <= times['start_time'] < times['stop_time'] < math.inf:
        raise InputError(f'{where}: the segment starts at {times["start_time"]:.2f} s and stops '
                         f'at {times["stop_time"]:.2f} s; correct the row, in seconds from 0 on')


def seconds(timestamp: str) -> float:
    """Converts ``HH:MM:SS.ss`` to seconds.

    Raises:
        ValueError: If the format differs.
    """
    parts = timestamp.split(':')
    if len(parts) != 3:
        raise ValueError(f'{timestamp!r} is not HH:MM:SS.ss')
    return 3600 * int(parts[0]) + 60 * int(parts[1]) + float(parts[2])
