"""Opening annotation files."""
from typing import TextIO

from ..errors import MissingFileError


def open_annotations(path: str) -> TextIO:
    """Opens an annotation file, as the csv module wants it.

    Raises:
        MissingFileError: saying where to get it.
    """
    try:
        return open(path, newline='', encoding='utf-8')
    except FileNotFoundError as error:
        raise MissingFileError(f'{path}: no such annotation file; data/README.md says where to get it, and '
                                '`ann_file` in the config where it is') from error
