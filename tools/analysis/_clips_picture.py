"""Draws the picture of plot_predictions.py: rows of frames with their labels."""
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

import cv2
import matplotlib
import numpy as np
from PIL import Image, UnidentifiedImageError

from projects.cast.utils import InputError

matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402

COLUMNS = 3
WIDTH, DPI = 10., 110  # inches and pixels per inch, as in plot_run.py, to fit below its curves
MARGIN, LINE, TITLE = 0.12, 0.2, 0.34  # inches: space around a clip, for a line, and for the title
INDENT, MARK, LETTER = 0.64, 0.14, 0.075  # inches: where labels begin at least, width of a mark and a letter
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


def shorten(text: str, length: int) -> str:
    """Shortens a text to at most so many characters."""
    return text if len(text) <= length else f'{text[:length - 1]}…'


def write_labels(fig, clip: Clip, left: float, bottom: float, width: float) -> None:
    """Writes the truth and each model's prediction in lines. Positions are in inches."""
    indent = max(INDENT, *(LETTER * len(name) + 2 * MARK for name in clip.models))

    def write(x: float, line: int, text: str, colour: str) -> None:
        y = bottom + LINE * (len(clip.models) + 0.68 - 0.96 * line)
        fig.text(x / WIDTH, y / fig.get_figheight(), text, color=colour, fontsize=9, va='center')

    for line, text in enumerate(('true', *clip.models)):
        write(left, line, text, COLOURS[None])
    step = (width - indent + MARK) / len(clip.labels)
    length = int(32 * (width - indent) / (width - INDENT)) // len(clip.labels)
    for i, task in enumerate(clip.labels):
        x = left + indent + i * step
        write(x, 0, shorten(clip.labels[task].true, length), '#222222')
        for line, labels in enumerate(clip.models.values(), 1):
            label = labels[task]
            write(x - MARK, line, MARKS[label.right], COLOURS[label.right])
            write(x, line, f'{shorten(label.predicted, length - 5)} {100 * label.probability:.0f} %',
                  COLOURS[label.right])


def draw(clips: List[Clip], title: str, path: Path) -> None:
    """Draws all clips in columns, with labels above the frames."""
    strips = [strip(clip.frames) for clip in clips]
    width = WIDTH / COLUMNS - 2 * MARGIN
    height = max(width * image.shape[0] / image.shape[1] for image in strips)
    cell = height + LINE * (1.2 + len(clips[0].models)) + 2 * MARGIN
    total = -(-len(clips) // COLUMNS) * cell + TITLE
    fig = plt.figure(figsize=(WIDTH, total))
    fig.text(0.5, 1 - 0.6 * TITLE / total, title, ha='center', va='center', fontsize=10)
    for i, (clip, image) in enumerate(zip(clips, strips)):
        left = i % COLUMNS * WIDTH / COLUMNS + MARGIN
        bottom = total - TITLE - (i // COLUMNS + 1) * cell + MARGIN
        ax = fig.add_axes((left / WIDTH, bottom / total, width / WIDTH, height / total), anchor='N')
        ax.imshow(image)
        ax.axis('off')
        write_labels(fig, clip, left, bottom + height, width)
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
