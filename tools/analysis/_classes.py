"""Reads the super-categories of the official files of class names, EPIC_100_{verb,noun}_classes.csv."""
import csv
from typing import List

from projects.cast.datasets import read_label_map
from projects.cast.utils import InputError


def read_categories(path: str, needed: bool = False) -> List[str]:
    """Returns the super-category of each class of a label map, or nothing if it has none.

    Args:
        path: A label map; see :func:`read_label_map`. Only a CSV with the columns ``id`` and ``category`` has
            super-categories. Classes that it leaves without one are called "other".
        needed: Whether it is an error if there are none.

    Raises:
        InputError: If the file cannot be read as a label map, or has no super-categories, which are needed.
    """
    classes = range(len(read_label_map(path)))
    found = {}
    if path.endswith('.csv'):
        with open(path, newline='', encoding='utf-8-sig') as file:
            found = {int(row['id']): row['category'] for row in csv.DictReader(file) if row.get('category')}
    if needed and not found:
        raise InputError(f'{path}: has no super-categories; give EPIC_100_verb_classes.csv or '
                         'EPIC_100_noun_classes.csv, whose columns are id, key and category')
    return [found.get(k, 'other') for k in classes] if found else []
