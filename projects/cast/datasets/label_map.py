"""Class names: those shipped for EPIC-KITCHENS-100, Something-Something-V2 and Kinetics-400, or a file's."""
import csv
from pathlib import Path
from typing import List

from ..errors import MissingFileError

SHIPPED = Path(__file__).parent.parent / 'label_maps'


def read_label_map(name: str) -> List[str]:
    """Class names in the order of their indices.

    Args:
        name: ``ek100_verb``, ``ek100_noun``, ``ssv2`` or ``k400``; or a file, with a name a line or in
            the format of EPIC's ``EPIC_100_verb_classes.csv`` (columns ``id`` and ``key``).

    Raises:
        MissingFileError: if it is neither.
    """
    path = SHIPPED / f'{name}.txt'
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        shipped = ', '.join(sorted(p.stem for p in SHIPPED.glob('*.txt')))
        raise MissingFileError(f'{name}: no such label map; give a file or one of {shipped}')
    if path.suffix == '.csv':
        with path.open(newline='', encoding='utf-8') as file:
            return [row['key'] for row in sorted(csv.DictReader(file), key=lambda row: int(row['id']))]
    return path.read_text(encoding='utf-8').splitlines()
