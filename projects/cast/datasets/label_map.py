"""Class names of EPIC-KITCHENS-100, Something-Something-V2 and Kinetics-400, or those in a file."""
import csv
import io
from pathlib import Path
from typing import List

from ..utils import InputError, MissingFileError
from .annotations import read_annotations

SHIPPED = Path(__file__).parent / 'label_maps'


def read_label_map(name: str) -> List[str]:
    """Returns class names in the order of their indices.

    Args:
        name: ``ek100_verb``, ``ek100_noun``, ``ssv2`` or ``k400``; or a file, with one name per line or in
            the format of EPIC's ``EPIC_100_verb_classes.csv`` (columns ``id`` and ``key``).

    Raises:
        MissingFileError: If it is neither of them.
        InputError: If the file cannot be read as a label map.
    """
    path = SHIPPED / f'{name}.txt'
    if not path.is_file():
        path = Path(name)
    if not path.exists():
        shipped = ', '.join(sorted(p.stem for p in SHIPPED.glob('*.txt')))
        raise MissingFileError(f'{name}: no such label map; give a file or one of {shipped}')
    text = read_annotations(str(path))
    if path.suffix != '.csv':
        return [line.strip() for line in text.strip().splitlines()]
    try:
        rows = csv.DictReader(io.StringIO(text, newline=''))
        return [row['key'] for row in sorted(rows, key=lambda row: int(row['id']))]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f'{name}: needs the columns id (a number) and key (a name) in each row ({error!r}); '
                         'or give a .txt file with a name a line') from error
