"""Where extracted arrays go: parts, each of which is written whole or not at all."""
import contextlib
import csv
import io
import json
import os
import uuid
from pathlib import PurePosixPath
from typing import Any, Dict, List, Sequence

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem

from ..engine import write_whole
from ..utils import InputError, library
from ..utils.video_files import SUFFIXES
from .clips import Clip

Rows = List[Dict[str, Any]]
Arrays = Dict[str, np.ndarray]

FORMATS = ('parquet', 'npy', 'actionformer')
COLUMNS = ('id', 'video', 'start', 'stop', 'error', 'note')
NOTE = '.extract.json'  # readers of a folder of Parquet files skip hidden ones


class Store:
    """A folder, local or at an address that fsspec knows, such as ``s3://BUCKET/FOLDER``.

    The file of a part that is written last, its index, says that the part is complete. Each file is written
    under another name first, or appears at once, as in object stores.

    Args:
        out: Path or address of the folder.
        form: ``parquet``: a file per part, with a row per clip, and a list of numbers per array, whose shapes
            are in the file's metadata under ``shapes``; an array is null if its clip could not be read.
            ``npy``: for each part, a file per array, and a CSV whose column ``row`` has the place in them.
            ``actionformer``: features ``(windows, channels)`` of each video in a file of its own, those of
            all experts next to each other, and a CSV per part.

    Raises:
        InputError: If there is no such format, or a library is missing.
    """

    def __init__(self, out: str, form: str = 'parquet') -> None:
        if form not in FORMATS:
            raise InputError(f'there is no format {form!r}; choose one of {", ".join(FORMATS)}')
        if form == 'parquet':
            library('pyarrow.parquet', 'the format parquet', "pip install pyarrow, or choose --format npy")
        try:
            self.fs, self.root = fsspec.core.url_to_fs(out)
        except (ImportError, ValueError) as error:
            raise InputError(f'{out}: cannot be written to ({error})') from error
        self.form = form
        self.suffix = '.parquet' if form == 'parquet' else '.csv'

    def put(self, name: str, data: bytes) -> None:
        """Writes a file, whole or not at all."""
        path = f'{self.root}/{name}'
        if not isinstance(self.fs, LocalFileSystem):
            return self.fs.pipe_file(path, data)
        folder, base = os.path.split(path)
        # hidden, and of this process alone, as shares note the same
        write_whole(data, path, f'{folder}/.{base}.{uuid.uuid4().hex}')

    def has(self, part: str) -> bool:
        """Whether a part is complete."""
        return self.fs.exists(f'{self.root}/{part}{self.suffix}')

    def errors(self, part: str) -> List[str]:
        """Returns the error of each row of a part, empty for most, or nothing if it is not complete."""
        try:
            with self.fs.open(f'{self.root}/{part}{self.suffix}') as file:
                if self.form == 'parquet':  # of which only this column is read, not the arrays
                    import pyarrow.parquet as pq
                    return pq.read_table(file, columns=['error'])['error'].to_pylist()
                return [row['error'] for row in csv.DictReader(io.TextIOWrapper(file, 'utf-8', newline=''))]
        except FileNotFoundError:
            return []

    def settle(self, settings: Dict[str, Any]) -> None:
        """Notes with which settings parts are made, or compares these with those of the parts that are there.

        Raises:
            InputError: If they differ.
        """
        path = f'{self.root}/{NOTE}'
        if not self.fs.exists(path):
            self.put(NOTE, (json.dumps(settings, indent=1) + '\n').encode())
        before = json.loads(self.fs.cat_file(path))
        other = [f'{key}: {before.get(key)!r}, now {settings.get(key)!r}'
                 for key in {**before, **settings} if before.get(key) != settings.get(key)]
        if other:
            raise InputError(f'{self.root}: was begun with other settings ({"; ".join(other)}); give these, '
                             'or another folder')

    def write(self, part: str, rows: Rows, arrays: Arrays, names: Sequence[str] = ()) -> None:
        """Writes a part, unless it is there with more rows that could be read.

        Args:
            part: Its name.
            rows: COLUMNS of each row.
            arrays: By name, an array ``(n, ...)`` of the n rows without an error, in their order.
            names: Columns that a table has in any case, as readers take those of the first part for all.
        """
        place, count = [], 0
        for row in rows:
            place.append(None if row['error'] else count)
            count += not row['error']
        if self.errors(part).count('') > count:  # some videos are out of reach now
            return
        if self.form == 'parquet':
            return self.put(f'{part}.parquet', parquet(rows, place, arrays, names))
        with contextlib.suppress(FileNotFoundError):  # an index must not be there with the arrays of another
            self.fs.rm_file(f'{self.root}/{part}.csv')
        if self.form == 'npy':
            for name, array in arrays.items():
                self.put(f'{part}.{name}.npy', npy(array))
        else:
            self.write_videos(rows, place, arrays)
        self.put(f'{part}.csv', index(rows, place))

    def write_videos(self, rows: Rows, place: List[Any], arrays: Arrays) -> None:
        """Writes an array for each video."""
        videos: Dict[str, List[int]] = {}
        for row, i in zip(rows, place):
            if i is not None:
                videos.setdefault(file_name(row['id'].rpartition('@')[0]), []).append(i)
        for name, chosen in videos.items():
            self.put(f'{name}.npy', npy(np.concatenate([array[chosen] for array in arrays.values()], 1)))


def file_name(video: str) -> str:
    """Returns the name of a video's array: its id, without the suffix of a video."""
    return str(PurePosixPath(video).with_suffix('')) if video.lower().endswith(SUFFIXES) else video


def check_file_names(clips: Sequence[Clip]) -> None:
    """Checks that no two videos share a file in the form of ActionFormer, and that all are in its folder.

    Raises:
        InputError: If there are such videos, or the id of one leads out of the folder.
    """
    owners: Dict[str, str] = {}
    for clip in clips:
        name = file_name(clip.id)
        if '..' in PurePosixPath(name).parts:
            raise InputError(f'{clip.id}: the array of this video would be outside of the folder; give its '
                             'path from --root on, or ids in a CSV')
        other = owners.setdefault(name, clip.id)
        if other != clip.id:
            raise InputError(f'{other} and {clip.id} would both be written to {name}.npy, as the form of '
                             'ActionFormer leaves out suffixes; rename one, or give ids in a CSV')


def npy(array: np.ndarray) -> bytes:
    """Returns the content of a file of NumPy."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def index(rows: Rows, place: List[Any]) -> bytes:
    """Returns the content of a CSV with the rows and their places in the arrays."""
    file = io.StringIO(newline='')
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow([*COLUMNS, 'row'])
    writer.writerows([*(row[name] for name in COLUMNS), i] for row, i in zip(rows, place))
    return file.getvalue().encode()


def parquet(rows: Rows, place: List[Any], arrays: Arrays, names: Sequence[str] = ()) -> bytes:
    """Returns the content of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    types = {name: pa.float64() if name in ('start', 'stop') else pa.string() for name in COLUMNS}
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()}
    columns.update({name: pa.nulls(len(rows), pa.list_(pa.float32())) for name in names})
    for name, array in arrays.items():
        flat = array.reshape(len(array), -1).astype(np.float32)
        offsets = np.cumsum([0] + [0 if i is None else flat.shape[1] for i in place])
        columns[name] = pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), pa.array(flat.ravel()), mask=pa.array([i is None for i in place]))
    shapes = {name: array.shape[1:] for name, array in arrays.items()}
    table = pa.table(columns).replace_schema_metadata({'shapes': json.dumps(shapes)})
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()
