"""EPIC-SOUNDS, from its official annotations."""
import csv
import io
import os
from typing import Callable, Dict, List, Union

from mmaction.datasets.base import BaseActionDataset
from mmaction.registry import DATASETS
from mmaction.utils import ConfigType

from ..utils import InputError
from .annotations import read_annotations
from .epic_kitchens import check_segment, path_of, time_stamps
from .fault_tolerant import FaultTolerant


@DATASETS.register_module()
class EpicSoundsDataset(FaultTolerant, BaseActionDataset):
    """Sounds in the videos of EPIC-KITCHENS-100, with one label each.

    The annotation file is an official CSV (https://github.com/epic-kitchens/epic-sounds-annotations). Of its
    columns, ``annotation_id``, ``video_id``, ``start_timestamp``, ``stop_timestamp``, ``class_id`` and those
    in ``video_template`` are read. The recognition test set has no classes: its labels are -1, and it can be
    used for testing only.

    Each sample has ``filename``, ``label``, ``annotation_id``, and ``start_time`` and ``stop_time`` in
    seconds of the video.

    Args:
        ann_file: The annotation file.
        pipeline: Transforms.
        data_prefix: ``dict(video=FOLDER)``.
        video_template: Path below FOLDER, with the names of columns in braces.
        num_classes: Number of classes.
        kwargs: See :class:`FaultTolerant` and MMAction2's ``BaseActionDataset``.

    Raises:
        MissingFileError: If the annotation file is missing.
        InputError: If there are no rows, a class is missing or out of range, or a row cannot be read. The
            message names the file and the line.
    """

    def __init__(self,
                 ann_file: str,
                 pipeline: List[Union[ConfigType, Callable]],
                 data_prefix: ConfigType = dict(video=''),
                 video_template: str = '{participant_id}/videos/{video_id}.MP4',
                 num_classes: int = 44,
                 **kwargs) -> None:
        self.video_template = video_template
        super().__init__(ann_file, pipeline, data_prefix=data_prefix, num_classes=num_classes, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Reads the annotation file."""
        rows = csv.DictReader(io.StringIO(read_annotations(self.ann_file), newline=''), skipinitialspace=True)
        needed = {'annotation_id', 'start_timestamp', 'stop_timestamp'}
        if not self.test_mode:
            needed.add('class_id')
        columns = set(rows.fieldnames or ())
        if missing := sorted(needed - columns):
            raise InputError(f'{self.ann_file}: has no column {", ".join(missing)}; give '
                             'EPIC_Sounds_train.csv or EPIC_Sounds_validation.csv, or, for testing, '
                             'EPIC_Sounds_recognition_test_timestamps.csv')
        samples = [self.sample(row, rows.line_num) for row in rows]
        if not samples:
            raise InputError(f'{self.ann_file}: has a header, but no rows; it must list at least one sound')
        return samples

    def sample(self, row: Dict[str, str], line: int) -> dict:
        """Converts one row to a sample."""
        where = f'{self.ann_file}, line {line}'
        path = path_of(row, self.video_template, where)
        try:
            label = int(row['class_id']) if row.get('class_id') or not self.test_mode else -1
            times = time_stamps(row)
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(f'{where}: cannot be read ({error!r}); the columns are {row}') from error
        if not (0 <= label < self.num_classes or label == -1 and self.test_mode):
            raise InputError(f'{where}: class {label} is out of range, there are {self.num_classes} '
                             f'(0 to {self.num_classes - 1}); correct the row or set num_classes')
        check_segment(times, where)
        filename = os.path.join(self.data_prefix.get('video') or '', path)
        return dict(filename=filename, label=label, annotation_id=row['annotation_id'], **times)
