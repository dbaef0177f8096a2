"""Turns Something-Something-V2's official JSON files into the lists that the config reads.

    python tools/data/ssv2/build_list.py something-something-v2-train.json labels.json data/ssv2/train.csv

Lines are FILE LABEL. For the unlabelled test set (something-something-v2-test.json) they are FILE alone.
"""
import argparse
import json
from pathlib import Path
from typing import Dict, List


def build_list(entries: List[dict], labels: Dict[str, str], suffix: str = '.webm') -> List[str]:
    """Lines of the list.

    Args:
        entries: with ``id`` and, unless of the test set, ``template``, a label with its objects in brackets.
        labels: the template without brackets to the class index.
        suffix: of the video files.

    Raises:
        SystemExit: if a template has no label.
    """
    lines = []
    for entry in entries:
        name = entry['id'] + suffix
        if 'template' not in entry:
            lines.append(name)
            continue
        template = entry['template'].replace('[', '').replace(']', '')
        if template not in labels:
            raise SystemExit(f'video {entry["id"]}: {template!r} is none of the {len(labels)} labels; do the two '
                             'files belong together?')
        lines.append(f'{name} {labels[template]}')
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('entries', type=Path, help='something-something-v2-{train,validation,test}.json')
    parser.add_argument('labels', type=Path, help='something-something-v2-labels.json')
    parser.add_argument('target', type=Path, help='list to write')
    parser.add_argument('--suffix', default='.webm', help='.mp4 after tools/data/videos.py')
    args = parser.parse_args()
    entries, labels = (json.loads(path.read_text(encoding='utf-8')) for path in (args.entries, args.labels))
    lines = build_list(entries, labels, args.suffix)
    args.target.parent.mkdir(parents=True, exist_ok=True)
    args.target.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    print(f'{args.target}: {len(lines)} videos')


if __name__ == '__main__':
    main()
