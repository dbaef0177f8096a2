"""Writes lists of ``FILE LABEL`` for the videos that are there, for the tools in the folders beside it."""
import argparse
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from projects.cast.datasets import has_sound
from projects.cast.utils import InputError, list_videos

Entry = Tuple[Sequence[str], int]  # names that the file may have, without suffix, and the label


def arguments(doc: str, annotations: str, target: str = 'folder to write to') -> argparse.Namespace:
    """Parses the arguments that all these tools have.

    Args:
        doc: Docstring of the tool.
        annotations: What the data set's own file or folder is.
        target: What is written.
    """
    parser = argparse.ArgumentParser(description=doc.split('\n')[0])
    parser.add_argument('annotations', type=Path, help=annotations)
    parser.add_argument('videos', type=Path, help='folder of the videos')
    parser.add_argument('target', type=Path, help=target)
    parser.add_argument('--with-sound', action='store_true', help='leave out videos without sound')
    return parser.parse_args()


def videos_below(folder: Path) -> Dict[str, str]:
    """Returns the path below ``folder`` of each video, by its name without suffix.

    Raises:
        InputError: If there is none, or two have the same name.
    """
    found: Dict[str, str] = {}
    for path in list_videos(folder):
        here = path.relative_to(folder).as_posix()
        if (other := found.setdefault(path.stem, here)) != here:
            raise InputError(f'{folder}: has {other} and {here}, which have the same name; move one away')
    return found


def write_list(target: Path, entries: Iterable[Entry], folder: Path, there: Dict[str, str],
               with_sound: bool = False) -> None:
    """Writes the list, and the entries that are left out to ``TARGET.missing``, and prints both numbers.

    Args:
        target: List to write.
        entries: What the data set lists.
        folder: Folder of the videos.
        there: Result of :func:`videos_below` for the folder.
        with_sound: Whether to leave out files that have no sound.

    Raises:
        InputError: If no file of the list is there.
    """
    lines: List[str] = []
    missing: List[str] = []
    for names, label in entries:
        found: Optional[str] = next((there[name] for name in names if name in there), None)
        if found is None or with_sound and not has_sound(str(folder / found)):
            missing.append(f'{names[0]}: ' + ('no such video' if found is None else 'has no sound'))
        else:
            lines.append(f'{found} {label}')
    if not lines:
        raise InputError(f'{target}: none of its {len(missing)} videos is below {folder}, the first '
                         f'is {missing[0] if missing else "not listed"}; check the folder')
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    left_out = target.with_name(f'{target.name}.missing')
    left_out.unlink(missing_ok=True)
    if missing:
        left_out.write_text('\n'.join(missing) + '\n', encoding='utf-8')
    print(f'{target}: {len(lines)} videos' + (
        f', {len(missing)} left out, see {left_out}' if missing else ''))


def write_splits(args: argparse.Namespace, classes: Sequence[str], splits: Dict[str, List[Entry]]) -> None:
    """Writes the list of each split and the class names, and prints how many there are."""
    there = videos_below(args.videos)
    for split, entries in splits.items():
        write_list(args.target / f'{split}.txt', entries, args.videos, there, args.with_sound)
    write_classes(args.target / 'classes.txt', classes)
    print(f'{args.target / "classes.txt"}: {len(classes)} classes')


def write_classes(target: Path, names: Sequence[str]) -> None:
    """Writes the class names, one a line, in the order of their indices."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text('\n'.join(names) + '\n', encoding='utf-8')
