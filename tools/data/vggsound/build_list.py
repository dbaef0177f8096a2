"""Converts vggsound.csv to the lists and the class names that the config reads.

    python tools/data/vggsound/build_list.py vggsound.csv data/vggsound/videos data/vggsound

The CSV has no header; its columns are YouTube id, start second, label and split. The videos are named
ID_SSSSSS, with the start second in six digits, or ID_S, without leading zeros, in any folder below the first
one. It writes train.txt, test.txt and classes.txt. The classes are all labels of the CSV in alphabetical
order (that of Unicode), whether their videos are there or not.
"""
import csv
import io
import sys
from pathlib import Path
from typing import Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).parents[1]))
from _lists import Entry, arguments, write_splits  # noqa: E402

from projects.cast.datasets.annotations import read_annotations  # noqa: E402
from projects.cast.utils import InputError, run_tool  # noqa: E402


def read_csv(path: str) -> Tuple[List[str], Dict[str, List[Entry]]]:
    """Returns the class names, and the entries of each split.

    Raises:
        InputError: If a row is not as it should be. The message names the file and the line.
    """
    rows = []
    reader = csv.reader(io.StringIO(read_annotations(path), newline=''))
    for row in filter(None, reader):
        if len(row) != 4 or not row[1].strip().isdigit() or row[3].strip() not in ('train', 'test'):
            raise InputError(f'{path}, line {reader.line_num}: {row} is not id, start second, label, train '
                             'or test; give vggsound.csv as it is')
        rows.append([value.strip() for value in row])
    classes = sorted({row[2] for row in rows})
    index = {name: i for i, name in enumerate(classes)}
    splits: Dict[str, List[Entry]] = {'train': [], 'test': []}
    for video, start, label, split in rows:
        splits[split].append(((f'{video}_{int(start):06d}', f'{video}_{int(start)}'), index[label]))
    return classes, splits


def main() -> None:
    args = arguments(__doc__, 'vggsound.csv')
    write_splits(args, *read_csv(str(args.annotations)))


if __name__ == '__main__':
    run_tool(main)
