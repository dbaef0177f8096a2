"""Converts UCF-101's official files of the three splits to the lists that the config reads.

    python tools/data/ucf101/build_list.py ucfTrainTestlist data/ucf101/videos data/ucf101

The folder ucfTrainTestlist has classInd.txt and trainlist0S.txt and testlist0S.txt of each split S. It writes
trainS.txt, testS.txt and classes.txt. Class n of classInd.txt, counted from 1, has the index n - 1. The
videos are found by name in any folder below the given one.
"""
import sys
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).parents[1]))
from _lists import Entry, arguments, videos_below, write_classes, write_list  # noqa: E402

from projects.cast.datasets.annotations import read_annotations  # noqa: E402
from projects.cast.utils import InputError, run_tool  # noqa: E402


def read_classes(path: str) -> Dict[str, int]:
    """Returns the index, counted from 0, of each class in the order of classInd.txt.

    Raises:
        InputError: If a line is not ``NUMBER NAME``, or the numbers are not 1, 2, 3 and so on.
    """
    index: Dict[str, int] = {}
    for line, text in enumerate(read_annotations(path).split('\n'), 1):
        if not text.strip():
            continue
        number, _, name = text.strip().partition(' ')
        if number != str(len(index) + 1) or not name:
            raise InputError(f'{path}, line {line}: {text.strip()!r} is not {len(index) + 1} and a name; '
                             'give classInd.txt as it is')
        index[name] = len(index)
    return index


def read_split(path: str, index: Dict[str, int]) -> List[Entry]:
    """Returns the entries of a trainlist or a testlist, whose classes are the folders of the videos.

    Raises:
        InputError: If a class is unknown, or has another number than in classInd.txt.
    """
    entries: List[Entry] = []
    for line, text in enumerate(read_annotations(path).split('\n'), 1):
        if not text.strip():
            continue
        file, _, number = text.strip().partition(' ')
        name = file.partition('/')[0]
        label = index.get(name)
        if label is None or number and number != str(label + 1):
            raise InputError(f'{path}, line {line}: {text.strip()!r} does not fit the {len(index)} classes '
                             'in classInd.txt; a line is CLASS/VIDEO.avi and, for training, the number')
        entries.append(((Path(file).stem, ), label))
    return entries


def main() -> None:
    args = arguments(__doc__, 'folder ucfTrainTestlist')
    index = read_classes(str(args.annotations / 'classInd.txt'))
    there = videos_below(args.videos)
    for split in (1, 2, 3):
        for part in ('train', 'test'):
            entries = read_split(str(args.annotations / f'{part}list0{split}.txt'), index)
            write_list(args.target / f'{part}{split}.txt', entries, args.videos, there, args.with_sound)
    write_classes(args.target / 'classes.txt', [*index])


if __name__ == '__main__':
    run_tool(main)
