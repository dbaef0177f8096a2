"""The videos in a folder."""
import os
from pathlib import Path
from typing import List, Union

from .errors import InputError

SUFFIXES = ('.avi', '.flv', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.ts', '.webm', '.wmv')


def list_videos(folder: Union[str, Path]) -> List[Path]:
    """Lists all videos in a folder and below, by name; links are followed, and hidden files left out.

    Raises:
        InputError: If there is none.
    """
    found = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        above = Path(parent).resolve()
        folders[:] = [name for name in folders if not above.is_relative_to(Path(parent, name).resolve())]
        found += [Path(parent, name) for name in names
                  if not name.startswith('.') and Path(name).suffix.lower() in SUFFIXES]
    if not found:
        raise InputError(f'{folder}: there are no videos in it or below ({", ".join(SUFFIXES)})')
    return sorted(found)
