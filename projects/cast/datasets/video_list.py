"""Something-Something-V2, Kinetics-400 and other lists of videos with one label each."""
import os
import re
from typing import List

from mmaction.datasets import VideoDataset
from mmaction.registry import DATASETS

from ..utils import InputError
from .annotations import read_annotations
from .fault_tolerant import FaultTolerant


@DATASETS.register_module()
class VideoListDataset(FaultTolerant, VideoDataset):
    """MMAction2's ``VideoDataset`` that checks its list and survives broken videos.

    Each line is ``FILE LABEL``, as in MMAction2's lists and in the release's ``train.csv`` and ``val.csv``.
    The label follows the last blank or a tab, and may be left out for testing.

    Args:
        num_classes: Number of classes.
        kwargs: See :class:`FaultTolerant` and MMAction2's ``VideoDataset``.

    Raises:
        MissingFileError: If the list is missing.
        InputError: If a label is out of range or not a number, or a line has another separator. The message
            names the file and the line.
    """

    def __init__(self, ann_file: str, pipeline, num_classes: int, **kwargs) -> None:
        super().__init__(ann_file, pipeline, num_classes=num_classes, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Reads the list."""
        lines = (line.strip() for line in read_annotations(self.ann_file).splitlines())
        return [self.sample(line, i) for i, line in enumerate(lines, 1) if line]

    def sample(self, line: str, number: int) -> dict:
        """Converts one line to a sample."""
        if self.delimiter == ' ' and re.search(r'[,;]\s*-?\d+$', line):
            raise InputError(f'{self.ann_file}, line {number}: {line!r} has no blank or tab between FILE and '
                             "LABEL; put one there, or say delimiter=',' in the config")
        delimiter = '\t' if '\t' in line else self.delimiter
        name, _, label = line.rpartition(delimiter) if delimiter in line else (line, '', '-1')
        try:
            index = int(label)
        except ValueError as error:
            raise InputError(f'{self.ann_file}, line {number}: {label!r} is no class index; a line is FILE '
                             'LABEL') from error
        if not (-1 if self.test_mode else 0) <= index < self.num_classes:
            raise InputError(f'{self.ann_file}, line {number}: label {index} is out of range, there are '
                             f'{self.num_classes} (0 to {self.num_classes - 1}); correct it or num_classes')
        return dict(filename=os.path.join(self.data_prefix.get('video') or '', name), label=index)
