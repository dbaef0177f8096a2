"""Class names of EPIC-KITCHENS-100, Something-Something-V2 and Kinetics-400, or those in a file."""
import csv
import io
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from mmaction.utils import ConfigType

from ..utils import InputError, MissingFileError
from .annotations import read_annotations

Names = Dict[str, Optional[List[str]]]

SHIPPED = Path(__file__).parent / 'label_maps'


def read_label_map(name: str) -> List[str]:
    """Returns class names in the order of their indices.

    Args:
        name: ``ek100_verb``, ``ek100_noun``, ``ssv2``, ``k400`` or ``kinetics_sound``; or a file, with one
            name per line or in the format of EPIC's ``EPIC_100_verb_classes.csv`` (columns ``id`` and
            ``key``) or of the annotations of EPIC-SOUNDS (``class_id`` and ``class``).

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
        index, key = ('class_id', 'class') if 'class_id' in (rows.fieldnames or ()) else ('id', 'key')
        pairs = {(int(row[index]), row[key]) for row in rows}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f'{name}: needs the columns id (a number) and key (a name) in each row ({error!r}); '
                         'or give a .txt file with a name a line') from error
    if sorted(i for i, _ in pairs) != [*range(len(pairs))]:
        raise InputError(f'{name}: must have exactly one name for each class from 0 to '
                         f'{max(i for i, _ in pairs)}; correct the file, or give the complete one')
    return [key for _, key in sorted(pairs)]


def read_names(config: ConfigType, label_map: Optional[Sequence[str]] = None) -> Names:
    """Returns the class names of each task.

    Args:
        config: Config whose ``label_map`` is a label map for one label, or a dict of label maps, or of lists
            of names, by task.
        label_map: Replaces the config's: one label map for one label, or two for verb and noun; see
            :func:`read_label_map`.

    Raises:
        InputError: If a label map cannot be read.
    """
    given = config.get('label_map') or {}
    if label_map:
        given = dict(zip(('verb', 'noun') if len(label_map) == 2 else ('action', ), label_map))
    elif isinstance(given, str):
        given = dict(action=given)
    return {task: read_label_map(name) if isinstance(name, str) else [*name] for task, name in given.items()}
