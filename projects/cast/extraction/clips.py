"""What is extracted: whole videos, or segments of them, each with an id of its own."""
import csv
import io
import os
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from ..datasets import read_annotations
from ..datasets.epic_kitchens import check_segment, path_of, time_stamps
from ..datasets.segment_list import seconds
from ..utils import InputError, list_videos
from ..utils.video_files import SUFFIXES

EPIC = '{participant_id}/videos/{video_id}.MP4'


class Clip(NamedTuple):
    """A video, or the segment of it from start to stop, in seconds."""

    id: str
    file: str
    start: Optional[float] = None
    stop: Optional[float] = None

    def sample(self) -> Dict[str, Any]:
        """Returns the input of a pipeline."""
        times = {} if self.start is None else dict(start_time=self.start, stop_time=self.stop)
        return dict(filename=self.file, label=-1, start_index=0, modality='RGB', **times)


def read_clips(source: str, root: str = '', template: str = '') -> List[Clip]:
    """Lists the clips of a folder, or of a list.

    A list is EPIC-KITCHENS' CSV; a CSV whose first line names a column ``file``, and may name ``id``,
    ``start`` and ``stop``; or it has a file on each line, and may have a class index behind it, as
    MMAction2's lists. Without a column of ids, they are the paths, followed by the segment if there is one.

    Args:
        source: A folder, of which all videos below it are taken, or a list.
        root: Folder of the videos of a list.
        template: Path below it, with the names of columns in braces, for EPIC-KITCHENS' CSV.

    Raises:
        MissingFileError: If the list is missing.
        InputError: If there is nothing in it, a line cannot be read, or two clips have the same id.
    """
    clips = of_folder(source) if os.path.isdir(source) else of_list(source, root, template)
    if not clips:
        raise InputError(f'{source}: there are no videos in it')
    twice, count = Counter(clip.id for clip in clips).most_common(1)[0]
    if count > 1:
        raise InputError(f'{source}: {count} clips have the id {twice!r}; ids must differ, so add a column '
                         'id, or remove the repeated lines')
    return clips


def of_folder(folder: str) -> List[Clip]:
    """Lists all videos in a folder; see :func:`list_videos`."""
    return [Clip(path.relative_to(folder).as_posix(), str(path)) for path in list_videos(folder)]


def of_list(source: str, root: str, template: str) -> List[Clip]:
    """Reads a list."""
    text = read_annotations(source)
    columns = [name.strip() for name in next(csv.reader(io.StringIO(text)))]
    if 'narration_id' not in columns and 'file' not in columns:
        lines = enumerate(text.splitlines(), 1)
        return [of_line(line.strip(), root, f'{source}, line {i}') for i, line in lines if line.strip()]
    rows = csv.DictReader(io.StringIO(text, newline=''), columns)
    next(rows)
    return [of_row(row, root, template, f'{source}, line {rows.line_num}') for row in rows]


def of_line(line: str, root: str, where: str) -> Clip:
    """Reads a line ``FILE`` or ``FILE LABEL``."""
    name, _, label = line.replace('\t', ' ').rpartition(' ')
    file = name.rstrip() if label.lstrip('-').isdigit() and name else line
    if Path(file).suffix.lower() not in SUFFIXES:
        raise InputError(f'{where}: {line!r} names no video; a line is FILE or FILE LABEL, and the first '
                         'line of a CSV names its columns, one of which must be file')
    return Clip(file, os.path.join(root, file))


def of_row(row: Dict[str, str], root: str, template: str, where: str) -> Clip:
    """Reads a row of a CSV."""
    official = 'narration_id' in row
    path = path_of(row, template or EPIC if official else '{file}', where)
    try:
        if official:
            times = time_stamps(row)
        else:
            times = {f'{key}_time': seconds(row[key]) for key in ('start', 'stop') if row.get(key)}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f'{where}: cannot be read ({error!r}); the columns are {row}') from error
    if not official and not row['file']:
        raise InputError(f'{where}: names no file')
    check_segment(times, where)
    start, stop = times.get('start_time'), times.get('stop_time')
    name = path if start is None else f'{path}@{start:.3f}-{stop:.3f}'
    return Clip(row['narration_id'] if official else row.get('id') or name, os.path.join(root, path), start,
                stop)
