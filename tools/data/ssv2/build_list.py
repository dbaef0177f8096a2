"""Converts Something-Something-V2's official JSON files to the lists that the config reads.

    python tools/data/ssv2/build_list.py something-something-v2-train.json labels.json data/ssv2/train.csv

Each line is FILE LABEL, or only FILE for the unlabelled test set (something-something-v2-test.json).
"""
import argparse
import json
from pathlib import Path
from typing import Any, Dict, List

from projects.cast.datasets.annotations import read_annotations
from projects.cast.utils import InputError, run_tool


def build_list(entries: List[dict], labels: Dict[str, str], suffix: str = '.webm') -> List[str]:
    """Returns the lines of the list.

    Args:
        entries: Dicts with ``id`` and, except in the test set, ``template``: a label with bracketed objects.
        labels: Class index of each template without brackets.
        suffix: Suffix of the video files.

    Raises:
        InputError: If an entry has no id, or its template is not a label.
    """
    lines = []
    for entry in entries:
        if not isinstance(entry, dict) or 'id' not in entry:
            raise InputError(f'entry {entry!r} has no id; give something-something-v2-SPLIT.json first')
        name = f'{entry["id"]}{suffix}'
        if 'template' not in entry:
            lines.append(name)
            continue
        template = entry['template'].replace('[', '').replace(']', '')
        if template not in labels:
            raise InputError(f'video {entry["id"]}: {template!r} is none of the {len(labels)} labels; do the '
                             'two files belong together?')
        lines.append(f'{name} {labels[template]}')
    return lines


def read_json(path: str, kind: type) -> Any:
    """Reads a JSON file that contains a list or a dict.

    Raises:
        MissingFileError, InputError: If the file is missing or contains something else.
    """
    try:
        content = json.loads(read_annotations(path))
    except json.JSONDecodeError as error:
        raise InputError(f'{path}: is no complete JSON file ({error}); download it again') from error
    if not isinstance(content, kind):
        raise InputError(f'{path}: holds a {type(content).__name__}, not a {kind.__name__}; first comes the '
                         'file of a split, then the file of the labels')
    return content


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('entries', help='something-something-v2-{train,validation,test}.json')
    parser.add_argument('labels', help='something-something-v2-labels.json')
    parser.add_argument('target', type=Path, help='list to write')
    parser.add_argument('--suffix', default='.webm', help='use .mp4 after tools/data/videos.py')
    args = parser.parse_args()
    lines = build_list(read_json(args.entries, list), read_json(args.labels, dict), args.suffix)
    args.target.parent.mkdir(parents=True, exist_ok=True)
    args.target.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    print(f'{args.target}: {len(lines)} videos')


if __name__ == '__main__':
    run_tool(main)
