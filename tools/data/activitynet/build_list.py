"""Converts ActivityNet 1.3's official JSON file to the lists and the class names that the config reads.

    python tools/data/activitynet/build_list.py activity_net.v1-3.min.json VIDEOS data/activitynet

A sample is a whole video, not a segment of it. Its label is that whose segments are the longest in total; of
equal ones, the first in alphabetical order. It writes train.txt, val.txt and classes.txt. The classes are all
labels of the file in alphabetical order (that of Unicode). The test set has no labels and is left out. The
videos are named v_ID or ID, in any folder below the given one.
"""
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).parents[1]))
from _lists import Entry, arguments, write_splits  # noqa: E402

from projects.cast.datasets.annotations import read_annotations  # noqa: E402
from projects.cast.utils import InputError, run_tool  # noqa: E402

SPLITS = {'training': 'train', 'validation': 'val'}


def read_json(path: str) -> Tuple[List[str], Dict[str, List[Entry]]]:
    """Returns the class names, and the entries of each split.

    Raises:
        InputError: If the file is not as it should be. The message names the video.
    """
    try:
        database = json.loads(read_annotations(path))['database']
        videos = [(video, entry['subset'], longest(entry['annotations'])) for video, entry in database.items()
                  if entry['subset'] in SPLITS and entry['annotations']]
        classes = sorted({a['label'] for entry in database.values() for a in entry['annotations']})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f'{path}: cannot be read ({error!r}); give activity_net.v1-3.min.json, whose '
                         'database has subset and annotations with label and segment') from error
    splits: Dict[str, List[Entry]] = {split: [] for split in SPLITS.values()}
    for video, subset, label in videos:
        splits[SPLITS[subset]].append(((f'v_{video}', video), classes.index(label)))
    return classes, splits


def longest(annotations: List[Dict[str, Any]]) -> str:
    """Returns the label whose segments are the longest in total."""
    seconds: Dict[str, float] = defaultdict(float)
    for annotation in annotations:
        start, stop = annotation['segment']
        seconds[annotation['label']] += stop - start
    return min(seconds, key=lambda label: (-seconds[label], label))


def main() -> None:
    args = arguments(__doc__, 'activity_net.v1-3.min.json')
    write_splits(args, *read_json(str(args.annotations)))


if __name__ == '__main__':
    run_tool(main)
