"""What timeline.py writes: windows while they are found, and at the end seconds, segments and a picture."""
import csv
import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, TextIO, Tuple

import matplotlib
import numpy as np
from torch import Tensor, stack

from projects.cast.apis import Names, Scores, rankings

matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402

Ranking = List[Tuple[str, float]]
Rankings = Dict[str, Ranking]  # the best classes by track: verb, noun and action, or one of them


class Segment(NamedTuple):
    """A time during which the best class of a track stays the same."""

    start: float
    stop: float
    name: str
    probability: float


class WindowLog:
    """A CSV of the windows, which is complete up to the latest window at any time.

    Args:
        path: File to write.
        names: Class names by task.
        topk: Number of classes of each window to keep.
    """

    def __init__(self, path: Path, names: Names, topk: int) -> None:
        self.file: TextIO = path.open('w', newline='', encoding='utf-8')
        self.writer, self.names, self.topk = csv.writer(self.file, lineterminator='\n'), names, topk
        self.windows: List[Tuple[float, float, Rankings]] = []

    def add(self, start: float, stop: float, scores: Dict[str, Tensor]) -> Rankings:
        """Writes a window, and returns its best classes."""
        best = rankings(scores, self.names, self.topk)
        if not self.windows:
            columns = [f'{track}{end}' for track in best for end in ('', '_p')]
            self.writer.writerow(['start', 'stop', *columns])
        self.writer.writerow([f'{start:.2f}', f'{stop:.2f}', *(
            value for ranking in best.values() for value in (ranking[0][0], f'{ranking[0][1]:.4f}'))])
        self.file.flush()
        self.windows.append((start, stop, best))
        return best

    def close(self) -> None:
        """Closes the file."""
        self.file.close()


def by_second(windows: Sequence[Scores], names: Names, topk: int) -> List[Rankings]:
    """Returns the best classes of each second: of the mean over the windows that cover its middle.

    A second that no window covers, as at the end, has the scores of the window that is closest to it.
    """
    end = max(window.stop for window in windows)
    starts, stops = (np.array([getattr(window, key) for window in windows]) for key in ('start', 'stop'))
    seconds = []
    for second in range(max(int(np.ceil(end - 1e-6)), 1)):
        middle = min(second + 0.5, (second + end) / 2)
        away = np.maximum(np.maximum(starts - middle, middle - stops), 0)
        here = [windows[i].scores for i in np.flatnonzero(away == away.min())]
        mean = {task: stack([scores[task] for scores in here]).mean(0) for task in here[0]}
        seconds.append(rankings(mean, names, topk))
    return seconds


def segments(seconds: Sequence[Rankings], track: str, end: float) -> List[Segment]:
    """Merges seconds with the same best class; the probability is their mean."""
    found: List[List[Any]] = []
    for second, best in enumerate(seconds):
        name, value = best[track][0]
        if found and found[-1][2] == name:
            found[-1][1], found[-1][3] = second + 1, [*found[-1][3], value]
        else:
            found.append([second, second + 1, name, [value]])
    return [Segment(start, min(stop, end), name, float(np.mean(values)))
            for start, stop, name, values in found]


def write_segments(path: Path, tracks: Dict[str, List[Segment]]) -> None:
    """Writes the segments of all tracks as a CSV."""
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['track', *Segment._fields])
        writer.writerows(
            [track, f'{part.start:.2f}', f'{part.stop:.2f}', part.name, f'{part.probability:.4f}']
            for track, parts in tracks.items() for part in parts)


def write_json(path: Path, **content: Any) -> None:
    """Writes all results."""
    path.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')


def colours(names: Sequence[str]) -> Dict[str, str]:
    """Returns a colour for each name, as ``#rrggbb``."""
    table = [matplotlib.colors.to_hex(colour) for colour in plt.get_cmap('tab20').colors]
    return {name: table[i % len(table)] for i, name in enumerate(dict.fromkeys(names))}


def draw(path: Path, tracks: Dict[str, List[Segment]], end: float, title: str) -> None:
    """Draws a bar with coloured segments for each track, with the names of those that are long enough."""
    size = 12, 0.6 + 1.1 * len(tracks)
    fig, axes = plt.subplots(len(tracks), 1, figsize=size, sharex=True, squeeze=False)
    for ax, (track, parts) in zip(axes[:, 0], tracks.items()):
        colour = colours([part.name for part in parts])
        for part in parts:
            length = part.stop - part.start
            ax.barh(0, length, left=part.start, color=colour[part.name], edgecolor='white', linewidth=0.5,
                    alpha=0.35 + 0.65 * part.probability)
            if length > end * 0.012 * len(part.name):
                ax.text(part.start + length / 2, 0, part.name, ha='center', va='center', fontsize=8)
        ax.set(yticks=[], ylabel=track, xlim=(0, end))
        for side in ('top', 'right', 'left'):
            ax.spines[side].set_visible(False)
    axes[0, 0].set_title(f'{title}; pale where the model is unsure', fontsize=9)
    axes[-1, 0].set_xlabel('seconds')
    fig.tight_layout()
    fig.savefig(path, dpi=120)
    plt.close(fig)
