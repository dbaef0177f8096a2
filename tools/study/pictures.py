"""Pictures of the study's results and of its clips."""
from pathlib import Path
from typing import Dict

import matplotlib
import numpy as np

from .generate import LEVELS, STUDY, video
from .results import TASKS
from .rows import ROWS
from .scenes import CANVAS, SIZE
from .verdict import Runs, accuracies, over_seeds

matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402


def plot_accuracies(runs: Dict[str, Runs], bound: Dict[str, float], path: Path) -> None:
    """Draws the accuracies of each row: every seed, and the interval."""
    titles = [ROWS[name].title for name in runs]
    figure, axes = plt.subplots(
        1, 3, figsize=(12, 1.2 + 0.32 * len(runs)), sharey=True, constrained_layout=True)
    for axis, task in zip(axes, TASKS):
        for y, seeds in enumerate(runs.values()):
            values = accuracies(seeds, task)
            mean, low, high = over_seeds(values)
            if np.isfinite(low):
                axis.plot([low, high], [y, y], color='tab:blue', lw=6, alpha=0.35, solid_capstyle='butt')
            axis.plot(values, [y] * len(values), '|', color='tab:blue', ms=12)
        axis.axvline(bound[task], color='tab:red', ls='--', lw=1)
        axis.set(title=f'{task} top-1', xlim=(0, 101), yticks=range(len(runs)), yticklabels=titles)
        axis.grid(axis='x', alpha=0.3)
    axes[0].invert_yaxis()
    axes[1].set_xlabel('%; bars are 95 % intervals over seeds, dashed is the most without binding')
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_clips(level: str, path: Path, count: int = 3) -> None:
    """Draws the frames of some training clips, with their verbs and nouns."""
    _, frames = video([STUDY, list(LEVELS).index(level), 0, 0, 0], LEVELS[level].law)
    inside = slice((CANVAS - SIZE) // 2, (CANVAS + SIZE) // 2)
    figure, axes = plt.subplots(count, 1, figsize=(9, 1.45 * count), constrained_layout=True)
    for i, axis in enumerate(axes):
        clip = [(frame[inside, inside], verb, noun) for frame, action, verb, noun in frames if action == i]
        axis.imshow(np.concatenate([np.pad(frame, ((0, 0), (0, 2), (0, 0)), constant_values=255)
                                    for frame, _, _ in clip], 1), interpolation='nearest')
        axis.set_title(f'{clip[0][1]} {clip[0][2]}', fontsize=10, loc='left')
        axis.axis('off')
    figure.savefig(path, dpi=110)
    plt.close(figure)
