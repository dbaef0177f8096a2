"""Draws the pictures of compare_runs.py."""
import textwrap
from pathlib import Path
from typing import Dict, List

import matplotlib
import numpy as np

matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

matplotlib.rcParams['text.parse_math'] = False  # a name may have dollars
MORE, LESS, DPI = '#34688f', '#c0392b', 110
ROWS = 60  # bars of a column
LETTER = 0.0075  # inches: width of a letter by its points, and a little more
FEW, MOST = 60, 400  # classes: beside a matrix, names are smaller if there are more, and then left out


def draw_balance(accuracies: Dict[str, Dict[str, float]], path: Path) -> None:
    """Draws the accuracies of each run, by column: tasks, and what is computed from them."""
    columns = list(next(iter(accuracies.values())))
    room = max(1.6, 0.45 * len(accuracies))  # inches of a column: numbers must not touch each other
    fig, ax = plt.subplots(figsize=(1.5 + room * len(columns), 3.6), layout='constrained')
    width = 0.8 / len(accuracies)
    for n, (name, row) in enumerate(accuracies.items()):
        places = np.arange(len(columns)) + (n - (len(accuracies) - 1) / 2) * width
        bars = ax.bar(places, [*row.values()], width, label=name)
        ax.bar_label(bars, fmt='%.1f', fontsize=8)
    ax.set_xticks(range(len(columns)), columns)
    ax.set(ylabel='top-1 accuracy, %')
    add_legend(fig, len(accuracies))
    fig.savefig(path, dpi=DPI)
    plt.close(fig)


def add_legend(fig: Figure, entries: int) -> None:
    """Adds a legend above the axes in as many columns as fit; if none does, the picture gets wider."""
    for ncols in range(entries, 0, -1):
        legend = fig.legend(loc='outside upper center', ncols=ncols)
        width, height = legend.get_window_extent().size / fig.dpi
        if width <= fig.get_figwidth() or ncols == 1:
            break
        legend.remove()
    fig.set_size_inches(max(fig.get_figwidth(), width + 0.2), fig.get_figheight() + height - 0.3)


def draw_gains(gains: Dict[str, float], title: str, path: Path) -> None:
    """Draws gains as horizontal bars, the largest first, in as many columns as their names need."""
    entries = sorted(gains.items(), key=lambda item: -item[1])
    columns = -(-len(entries) // ROWS)
    rows = -(-len(entries) // columns)
    width = max(4.2, 2.2 + 7 * LETTER * max(map(len, gains)))  # inches of a column
    fig, axes = plt.subplots(1, columns, figsize=(max(width * columns, 6), 0.9 + 0.17 * rows),
                             layout='constrained', squeeze=False, sharex=True)
    for ax, start in zip(axes[0], range(0, len(entries), rows)):
        part = entries[start:start + rows]
        values = [value for _, value in part]
        ax.barh(range(len(part)), values, color=[MORE if v >= 0 else LESS for v in values])
        ax.set_yticks(range(len(part)), [name for name, _ in part], fontsize=7)
        ax.set_ylim(rows - 0.5, -0.5)
        ax.axvline(0, color='black', lw=0.8)
        ax.grid(axis='x', lw=0.3)
    fig.suptitle(textwrap.fill(title, int(fig.get_figwidth() / LETTER / 10)), fontsize=10)
    fig.savefig(path, dpi=DPI)
    plt.close(fig)


def draw_confusion(shares: np.ndarray, names: List[str], title: str, path: Path) -> None:
    """Draws a confusion matrix, with the names of the classes unless there are more than MOST."""
    side = 14. if len(names) > MOST else max(3.5, min(0.24 * len(names), 14), 0.12 * len(names))
    fig, ax = plt.subplots(figsize=(side + 1, side), layout='constrained')
    image = ax.imshow(shares, cmap='magma_r', vmin=0, vmax=1)
    fig.colorbar(image, ax=ax, shrink=0.8, label="share of the true class's samples")
    ax.set(xlabel='predicted', ylabel='true')
    ax.set_title(textwrap.fill(title, int(side / LETTER / 12)), fontsize=12)
    shown, size = names if len(names) <= MOST else [], 8 if len(names) <= FEW else 6
    ax.set_xticks(range(len(shown)), shown, rotation=90, fontsize=size)
    ax.set_yticks(range(len(shown)), shown, fontsize=size)
    fig.savefig(path, dpi=DPI)
    plt.close(fig)
