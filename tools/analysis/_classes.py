"""Reads the super-categories of the official files of class names, EPIC_100_{verb,noun}_classes.csv."""
import csv
import io
from typing import List

from projects.cast.datasets import read_annotations
from projects.cast.utils import InputError


def read_categories(path: str, count: int, needed: bool = False) -> List[str]:
    """Returns the super-category of each class of a label map, or nothing if it has none.

    Args:
        path: A label map that :func:`read_label_map` has read. Only a CSV with the columns ``id`` and
            ``category`` has super-categories. Classes that it leaves without one are called "other".
        count: Number of its classes.
        needed: Whether it is an error if there are none.

    Raises:
        InputError: If it has no super-categories, which are needed.
    """
    found = {}
    if path.endswith('.csv'):
        rows = csv.DictReader(io.StringIO(read_annotations(path), newline=''))
        found = {int(row['id']): row['category'] for row in rows if row.get('category')}
    if needed and not found:
        raise InputError(f'{path}: has no super-categories; give EPIC_100_verb_classes.csv or '
                         'EPIC_100_noun_classes.csv, whose columns are id, key and category')
    return [found.get(k, 'other') for k in range(count)] if found else []
