"""Reads the official files of class names, EPIC_100_{verb,noun}_classes.csv."""
import csv
from typing import Dict, List

from projects.cast.utils import InputError


def read_classes(path: str) -> List[Dict[str, str]]:
    """Returns the rows in the order of their ids, with ``key``, the name, and ``category``.

    Raises:
        InputError: If a column is missing.
    """
    with open(path, newline='', encoding='utf-8-sig') as file:
        reader = csv.DictReader(file)
        if not {'id', 'key', 'category'} <= {*(reader.fieldnames or ())}:
            raise InputError(f'{path}: has the columns {reader.fieldnames}, but id, key and category are '
                             'needed; give EPIC_100_verb_classes.csv or EPIC_100_noun_classes.csv')
        return sorted(reader, key=lambda row: int(row['id']))


def read_categories(path: str) -> Dict[int, str]:
    """Returns the super-categories of a file of classes by id; a file without this column has none."""
    if not path.endswith('.csv'):
        return {}
    with open(path, newline='', encoding='utf-8-sig') as file:
        return {int(row['id']): row['category'] for row in csv.DictReader(file) if row.get('category')}
