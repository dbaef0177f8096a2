"""Converts a CSV of Kinetics-400 to the list of Kinetics-Sound that the config reads.

    python tools/data/kinetics_sound/build_list.py train.csv VIDEOS data/kinetics_sound/train.txt

The columns label, youtube_id, time_start and time_end are read, and the rows of the 31 classes are kept. The
videos are named ID_SSSSSS_EEEEEE, or ID, in any folder below the given one. The order of the classes is that
of projects/cast/datasets/label_maps/kinetics_sound.txt.
"""
import csv
import io
import sys
from pathlib import Path
from typing import List

sys.path.insert(0, str(Path(__file__).parents[1]))
from _lists import Entry, arguments, videos_below, write_list  # noqa: E402

from projects.cast.datasets import read_label_map  # noqa: E402
from projects.cast.datasets.annotations import read_annotations  # noqa: E402
from projects.cast.utils import InputError, run_tool  # noqa: E402


def read_csv(path: str) -> List[Entry]:
    """Returns the entries of the 31 classes.

    Raises:
        InputError: If a column or a value is missing. The message names the file and the line.
    """
    index = {name: i for i, name in enumerate(read_label_map('kinetics_sound'))}
    rows = csv.DictReader(io.StringIO(read_annotations(path), newline=''))
    needed = {'label', 'youtube_id', 'time_start', 'time_end'}
    if missing := sorted(needed - set(rows.fieldnames or ())):
        raise InputError(f'{path}: has no column {", ".join(missing)}; give train.csv or validate.csv of '
                         'Kinetics-400, with its header')
    entries: List[Entry] = []
    for row in rows:
        label = index.get((row['label'] or '').strip().strip('"'))
        if label is None:
            continue
        try:
            start, end = (int(float(row[key])) for key in ('time_start', 'time_end'))
        except (TypeError, ValueError) as error:
            raise InputError(f'{path}, line {rows.line_num}: cannot be read ({error!r}); time_start and '
                             'time_end must be seconds') from error
        entries.append(((f'{row["youtube_id"]}_{start:06d}_{end:06d}', row['youtube_id']), label))
    return entries


def main() -> None:
    args = arguments(__doc__, 'train.csv or validate.csv of Kinetics-400', target='list to write')
    entries = read_csv(str(args.annotations))
    write_list(args.target, entries, args.videos, videos_below(args.videos), args.with_sound)


if __name__ == '__main__':
    run_tool(main)
