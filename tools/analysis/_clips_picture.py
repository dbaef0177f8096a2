"""Draws the picture of plot_predictions.py: rows of frames with their labels."""
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

import cv2
import matplotlib
import numpy as np
from PIL import Image, UnidentifiedImageError

from projects.cast.utils import InputError

matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.font_manager import FontProperties  # noqa: E402

COLUMNS = 3  # of clips at most; long labels have fewer
WIDTH, DPI = 10., 110  # inches and pixels per inch, as in plot_run.py, to fit below its curves
MARGIN, LINE, TITLE = 0.12, 0.2, 0.34  # inches: space around a clip, for a line, and for the title
MARK, GAPS, STRIP = 0.14, (0.1, 0.4), 4.76  # inches: a mark, space between columns of labels, widest strip
SIZE = 9  # points of labels
COLOURS = {None: '#777777', True: '#1a7f37', False: '#c62828'}
MARKS = {None: '', True: '✓', False: '✗'}


class Label(NamedTuple):
    """Truth and prediction for one task of a clip; ``right`` is None if the truth is unknown."""

    true: str
    predicted: str
    probability: float
    right: Optional[bool]


class Clip(NamedTuple):
    """RGB frames, their times in the video in seconds, and the labels of each task, by model."""

    frames: List[np.ndarray]
    times: List[float]
    models: Dict[str, Dict[str, Label]]

    @property
    def labels(self) -> Dict[str, Label]:
        """Those of the last model."""
        return list(self.models.values())[-1]


def strip(frames: List[np.ndarray], height: int = 170, gap: int = 4) -> np.ndarray:
    """Puts frames side by side on a white background."""
    width = round(height * frames[0].shape[1] / frames[0].shape[0])
    white = np.full((height, gap, 3), 255, np.uint8)
    parts = [part for frame in frames
             for part in (white, cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC))]
    return np.concatenate(parts[1:], 1)


def said(label: Label) -> str:
    """Returns a prediction as it is written."""
    return f'{label.predicted} {100 * label.probability:.0f} %'


def width_of(fig: Figure, text: str, size: float = SIZE) -> float:
    """Returns the width of a text in inches."""
    renderer = fig.canvas.get_renderer()  # type: ignore[attr-defined]
    return renderer.get_text_width_height_descent(text, FontProperties(size=size), False)[0] / fig.dpi


def fit(fig: Figure, text: str, room: float, tail: str = '', size: float = SIZE) -> str:
    """Cuts a text in front of its tail until it fits."""
    whole = text + tail
    while width_of(fig, whole, size) > room + 1e-6 and text:  # not for a rounding error
        text = text[:-1]
        whole = f'{text}…{tail}'
    return whole


def table_widths(fig: Figure, clips: Sequence[Clip]) -> List[float]:
    """Returns the widths of the columns of labels in inches: names of models, and each task."""
    widths = [max(width_of(fig, name) for name in ('true', *clips[0].models))]
    for task in clips[0].labels:
        texts = [text for clip in clips for text in (
            clip.labels[task].true, *(said(labels[task]) for labels in clip.models.values()))]
        widths.append(MARK + max(width_of(fig, text) for text in texts))
    return widths


def narrowed(widths: Sequence[float], room: float) -> List[float]:
    """Narrows the widest columns until all fit."""
    found = [*widths]
    while sum(found) > room:
        found[found.index(max(found))] -= 0.02
    return found


def write_labels(fig: Figure, clip: Clip, left: float, bottom: float, widths: Sequence[float],
                 gap: float) -> None:
    """Writes the truth and each model's prediction in lines. Positions are in inches."""

    def write(x: float, line: int, text: str, colour: str) -> None:
        y = bottom + LINE * (len(clip.models) + 0.68 - 0.96 * line)
        fig.text(x / WIDTH, y / fig.get_figheight(), text, color=colour, fontsize=SIZE, va='center',
                 parse_math=False)

    for line, text in enumerate(('true', *clip.models)):
        write(left, line, fit(fig, text, widths[0]), COLOURS[None])
    for i, (task, width) in enumerate(zip(clip.labels, widths[1:]), 1):
        x = left + sum(widths[:i]) + gap * i + MARK
        write(x, 0, fit(fig, clip.labels[task].true, width - MARK), '#222222')
        for line, labels in enumerate(clip.models.values(), 1):
            label = labels[task]
            tail = said(label)[len(label.predicted):]
            write(x - MARK, line, MARKS[label.right], COLOURS[label.right])
            write(x, line, fit(fig, label.predicted, width - MARK, tail), COLOURS[label.right])


def picture(clips: Sequence[Clip], title: str) -> Figure:
    """Returns the picture of all clips in columns, with labels above the frames.

    There are as many columns as labels of this length allow; what one column does not hold is cut.
    """
    fig = plt.figure(figsize=(WIDTH, 1), dpi=DPI)
    widths = table_widths(fig, clips)
    gaps = len(widths) - 1
    needed = sum(widths) + gaps * GAPS[0] + 2 * MARGIN
    columns = max(min(int(WIDTH / needed), COLUMNS), 1)
    width = WIDTH / columns - 2 * MARGIN
    widths = narrowed(widths, width - gaps * GAPS[0])
    gap = min((width - sum(widths)) / gaps, GAPS[1])
    strips, wide = [strip(clip.frames) for clip in clips], min(width, STRIP)
    height = max(wide * image.shape[0] / image.shape[1] for image in strips)
    cell = height + LINE * (1.2 + len(clips[0].models)) + 2 * MARGIN
    total = -(-len(clips) // columns) * cell + TITLE
    fig.set_size_inches(WIDTH, total)
    fig.text(0.5, 1 - 0.6 * TITLE / total, fit(fig, title, WIDTH - 2 * MARGIN, size=SIZE + 1), ha='center',
             va='center', fontsize=SIZE + 1, parse_math=False)
    for i, (clip, image) in enumerate(zip(clips, strips)):
        left = i % columns * WIDTH / columns + MARGIN
        bottom = total - TITLE - (i // columns + 1) * cell + MARGIN
        ax = fig.add_axes((left / WIDTH, bottom / total, wide / WIDTH, height / total), anchor='NW')
        ax.imshow(image)
        ax.axis('off')
        write_labels(fig, clip, left, bottom + height, widths, gap)
    return fig


def draw(clips: Sequence[Clip], title: str, path: Path) -> None:
    """Writes the picture of all clips."""
    fig = picture(clips, title)
    fig.savefig(path, dpi=DPI, format='png')
    plt.close(fig)


def stack(above: Path, below: Path, path: Path) -> None:
    """Stacks two pictures into one with 256 colours, which takes a third of the bytes.

    Raises:
        InputError: If one of them is not a picture.
    """
    try:
        pictures = [Image.open(name).convert('RGB') for name in (above, below)]
    except UnidentifiedImageError as error:
        raise InputError(f'{above}: is no picture; give a PNG') from error
    both = Image.new('RGB', (max(p.width for p in pictures), sum(p.height for p in pictures)), 'white')
    both.paste(pictures[0])
    both.paste(pictures[1], (0, pictures[0].height))
    both.quantize(256, kmeans=2, dither=Image.Dither.NONE).save(path, 'PNG', optimize=True)
