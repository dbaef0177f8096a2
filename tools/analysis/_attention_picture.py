"""Draws the picture and the video of plot_attention.py."""
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

import cv2
import matplotlib
import numpy as np

from projects.cast.utils import InputError

matplotlib.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402

HEIGHT, GAP, BAND = 224, 6, 26  # pixels: of a frame, between two of them, and of a title in the video
RATE = 4  # frames of the clip per second of the video
COLUMNS, DPI = 4, 110  # least number of frames that fit in a row; pixels per inch
COLOURS = plt.get_cmap('RdBu_r')


class Map(NamedTuple):
    """What is drawn of one attention call.

    Attributes:
        title: Who asks whom; what is before the colon is shown in the video.
        mass: Received attention in multiples of the even share, ``(T, H, W)``.
        bars: Distribution of each frame's weight over the frames that it asks, ``(T, T')``.
    """

    title: str
    mass: np.ndarray
    bars: Optional[np.ndarray]


def sized(image: np.ndarray, interpolation: int = cv2.INTER_AREA) -> np.ndarray:
    """Resizes an image to the height of the picture's frames, and to an even width."""
    width = 2 * round(HEIGHT * image.shape[1] / image.shape[0] / 2)
    return cv2.resize(image, (width, HEIGHT), interpolation=interpolation)


def overlay(frame: np.ndarray, mass: np.ndarray, top: float) -> np.ndarray:
    """Colours a frame by a map ``(H, W)``: red up to ``top`` times the even share, blue down to 1 / top."""
    frame = sized(frame, cv2.INTER_CUBIC)
    level = np.log(np.maximum(mass, 1 / top)) / np.log(top)  # from -1 to 1
    level = cv2.resize(level.astype(np.float32), frame.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    grey = frame.mean(-1, keepdims=True).repeat(3, -1)
    share = 0.75 * np.abs(level)[..., None]
    return ((1 - share) * grey + share * 255 * COLOURS(level / 2 + 0.5)[..., :3]).round().astype(np.uint8)


def highest(m: Map) -> float:
    """Returns the largest value of a map, or a little more than 1 if all are equal."""
    return max(float(m.mass.max()), 1.01)


def tubes(frames: np.ndarray, count: int) -> Sequence[np.ndarray]:
    """Returns the last frame of each of ``count`` positions in time, as the spatial expert sees it."""
    step = len(frames) // count
    return frames[step - 1::step]


def strip(images: Sequence[np.ndarray]) -> np.ndarray:
    """Puts images of one size side by side; a short row ends in white."""
    white = np.full((HEIGHT, GAP, 3), 255, np.uint8)
    images = [*images, *[np.full_like(images[0], 255)] * (COLUMNS - len(images))]
    return np.concatenate([part for image in images for part in (white, image)][1:], 1)


def draw_bars(ax, bars: np.ndarray) -> None:
    """Draws, below each frame that asks, a bar for each frame that is asked; its own, if any, is dark."""
    asking, asked = bars.shape
    places = (np.arange(asked) + 0.5) / asked * 0.9
    for t, row in enumerate(bars):
        own = (np.arange(asked) == t) & (asking == asked)
        ax.bar(t + places, row, 0.8 / asked, color=np.where(own, '#b5311c', '#e39a82'))
        ax.hlines(1 / asked, t, t + 0.9, colors='#555555', linestyles='--', linewidth=0.8)
    ax.set(xlim=(0, max(asking, COLUMNS) - 0.1), ylim=(0, None), xticks=[])
    ax.tick_params(labelsize=7)
    ax.spines[['top', 'right']].set_visible(False)


def draw(frames: np.ndarray, maps: List[Map], title: str, path: Path) -> None:
    """Draws rows of frames: as they are, then under each map; bars above the map they belong to."""
    rows = [('frames, the last of each tube', strip([sized(f, cv2.INTER_CUBIC) for f in tubes(
        frames, len(maps[0].mass))]))]
    for m in maps:
        if m.bars is not None:
            rows.append((f'{m.title}; for each frame, the weight of the frames it asks', m.bars))
        top = highest(m)
        rows.append((f'{m.title}; red: up to {top:.2g} times the even share', strip(
            [overlay(f, mass, top) for f, mass in zip(tubes(frames, len(m.mass)), m.mass)])))
    width = max(7., 1.3 * len(maps[0].mass))  # inches
    heights = [width * image.shape[0] / image.shape[1] if image.ndim == 3 else 0.7 for _, image in rows]
    fig, axes = plt.subplots(len(rows), figsize=(width, sum(heights) + 0.3 * len(rows) + 0.4),
                             height_ratios=heights, layout='constrained')
    fig.suptitle(title, fontsize=11)
    for ax, (text, image) in zip(axes, rows):
        ax.set_title(text, fontsize=8.5, loc='left')
        if image.ndim == 2:
            draw_bars(ax, image)
        else:
            ax.imshow(image, aspect='auto')
            ax.axis('off')
    fig.savefig(path, dpi=DPI)
    plt.close(fig)


def panel(image: np.ndarray, title: str) -> np.ndarray:
    """Puts a title above an image."""
    band = np.full((BAND, image.shape[1], 3), 255, np.uint8)
    cv2.putText(band, title, (4, BAND - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([band, image])


def write_video(frames: np.ndarray, maps: List[Map], path: Path) -> None:
    """Writes a video of the clip's frames, each beside all maps.

    Raises:
        InputError: If PyAV is not installed.
    """
    try:
        import av  # only needed here: pip install -e '.[data]'
    except ModuleNotFoundError as error:
        raise InputError(f"{error}, which writes {path}; run: pip install -e '.[data]'") from error
    images = []
    for i, frame in enumerate(frames):
        panels = [panel(sized(frame, cv2.INTER_CUBIC), f'frame {i + 1}')]
        for m in maps:
            mass = m.mass[i * len(m.mass) // len(frames)]
            panels.append(panel(overlay(frame, mass, highest(m)), m.title.split(':')[0]))
        images.append(np.concatenate(panels, 1))
    with av.open(str(path), 'w') as file:
        stream = file.add_stream('libx264', rate=RATE, options={'crf': '18'})
        stream.height, stream.width, stream.pix_fmt = *images[0].shape[:2], 'yuv420p'
        for image in images:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        file.mux(stream.encode())
