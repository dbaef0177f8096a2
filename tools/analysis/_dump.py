"""Reads what ``tools/test.py --dump`` wrote."""
import pickle
from typing import Any

from projects.cast.utils import InputError


def read_dump(path: str) -> Any:
    """Returns the content of such a file, a list with a dict per sample unless it is something else.

    Raises:
        InputError: If it is no pickle.
    """
    with open(path, 'rb') as file:
        try:
            return pickle.load(file)  # the user's own file, written by mmengine
        except (pickle.UnpicklingError, EOFError, ImportError, AttributeError, LookupError,
                ValueError) as error:
            reason = ' '.join(str(error).split())
            raise InputError(f'{path}: is no file of tools/test.py --dump ({reason})') from error
