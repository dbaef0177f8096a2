"""Overlapping windows over a video of any length, of which each frame is decoded once."""
from typing import Callable, Iterable, Iterator, List, NamedTuple, Optional, Union

import numpy as np

from .media_stream import Frame, Sound

LATE = 1.  # seconds by which sound may be stored behind the pictures


class Window(NamedTuple):
    """What a model sees and hears of a part of a video.

    Attributes:
        start, stop: In seconds.
        images: A frame for each time that was asked for.
        wave: The sound from start to stop, ``(n, )``, or None if there is none.
    """

    start: float
    stop: float
    images: List[np.ndarray]
    wave: Optional[np.ndarray] = None


class Windows:
    """Cuts a stream into windows while it is read; memory depends on their length alone.

    A window needs the frames that are shown at certain times. What is left at the end of the stream is a
    window if it is at least half as long as one, or the only one; its last frame is repeated.

    Args:
        length, stride: Length of a window, and from the start of one to that of the next, in seconds.
        offsets: Seconds from the start of a window to each frame that it needs, ascending.
        fps: Frames per second. A frame counts as shown a quarter of a frame before its time.
        rate: Samples of sound per second, or None if there is none.
        prepare: What is done to a frame before it is kept, such as resizing; done once per frame.
    """

    def __init__(self, length: float, stride: float, offsets: np.ndarray, fps: float,
                 rate: Optional[int] = None,
                 prepare: Callable[[np.ndarray], np.ndarray] = np.asarray) -> None:
        self.length, self.stride, self.offsets, self.rate = length, stride, offsets, rate
        self.prepare, self.tolerance = prepare, 0.25 / fps
        self.open: List[Window] = []
        self.opened = 0
        self.pieces: List[Sound] = []
        self.heard = 0.
        self.frame: Optional[Frame] = None  # the latest one
        self.prepared: Optional[np.ndarray] = None

    def of(self, stream: Iterable[Union[Frame, Sound]]) -> Iterator[Window]:
        """Yields the windows of a stream, in order, each as soon as it is complete."""
        for item in stream:
            if isinstance(item, Sound):
                self.pieces.append(item)
                self.heard = item.time + len(item.wave) / (self.rate or 1)
            else:
                self.see(item)
            while self.open and self.complete(self.open[0]):
                yield self.close(self.open.pop(0))
        if self.frame is None:
            return
        end = self.frame.time + 4 * self.tolerance  # when the last frame is no longer shown
        for window in self.open:
            if end - window.start >= self.length / 2 or not window.start:
                self.show(window, np.inf)
                yield self.close(window._replace(stop=min(window.stop, end)))

    def see(self, frame: Frame) -> None:
        """Gives the frame before this one to all windows that need a time at which it was shown."""
        while self.opened * self.stride <= frame.time + self.tolerance:
            start = self.opened * self.stride
            self.open.append(Window(start, start + self.length, []))
            self.opened += 1
        if self.frame is not None:
            for window in self.open:
                self.show(window, frame.time - self.tolerance)
        self.frame, self.prepared = frame, None

    def show(self, window: Window, until: float) -> None:
        """Adds the latest frame to a window for each time that it needs before ``until``."""
        assert self.frame is not None
        for offset in self.offsets[len(window.images):]:
            if window.start + offset >= until:
                break
            if self.prepared is None:
                self.prepared = self.prepare(self.frame.image)
            window.images.append(self.prepared)

    def complete(self, window: Window) -> bool:
        """Whether all that belongs to a window has been read."""
        assert self.frame is not None
        heard = not self.rate or self.heard >= window.stop or self.frame.time >= window.stop + LATE
        # the window is over, too: its last time may lie long before its end
        return len(window.images) == len(self.offsets) and heard and (
            self.frame.time + 5 * self.tolerance >= window.stop)

    def close(self, window: Window) -> Window:
        """Returns a window with its sound, and forgets the sound that no later one needs."""
        if not self.rate:
            return window
        wave = np.zeros(round((window.stop - window.start) * self.rate), np.float32)
        for time, samples in self.pieces:
            at = round((time - window.start) * self.rate)
            part = samples[max(-at, 0):max(len(wave) - at, 0)]
            wave[max(at, 0):max(at, 0) + len(part)] = part
        later = window.start + self.stride
        self.pieces = [p for p in self.pieces if p.time + len(p.wave) / self.rate > later]
        return window._replace(wave=wave)
