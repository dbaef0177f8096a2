"""Frames and sound of a file, a network stream or a webcam, each decoded once."""
from typing import Any, Iterator, NamedTuple, Optional, Union

import numpy as np

from ..utils import InputError, library
from .sound_file import mono


class Frame(NamedTuple):
    """A picture, and the time in seconds at which it is shown; the first one is shown at 0."""

    time: float
    picture: Any  # an array, or PyAV's frame

    @property
    def image(self) -> np.ndarray:
        """The picture ``(height, width, 3)``, RGB, upright; only what is asked for is converted."""
        if isinstance(self.picture, np.ndarray):
            return self.picture
        return np.rot90(self.picture.to_ndarray(format='rgb24'), self.picture.rotation // 90)


class Sound(NamedTuple):
    """Samples ``(n, )`` of one channel, float32 in -1..1, from a time in seconds on."""

    time: float
    wave: np.ndarray


class MediaStream:
    """Iterates over the frames and the sound of a video of any length, in the order in which they are stored.

    Args:
        source: A file, an address such as ``rtsp://HOST/PATH``, or a device such as ``/dev/video0``.
        with_sound: Whether to decode the first audio stream, too.
        timeout: Seconds after which a network stream that sends nothing has ended.

    Raises:
        InputError: If PyAV is not installed, or the source cannot be opened or has no pictures.

    Attributes:
        fps: Mean number of frames per second, as the source announces it.
        rate: Samples of the sound per second, or None if there is none.
        seconds: Length, if the source announces it.
        complete: Whether the end was reached without an error.
    """

    def __init__(self, source: str, with_sound: bool = False, timeout: float = 10.) -> None:
        self.av: Any = library('av', 'reading streams', 'pip install -e ".[data]"')
        self.source, self.complete = source, False
        device = source.startswith('/dev/video')
        options = dict(rtsp_transport='tcp') if source.startswith('rtsp') else {}
        try:
            self.container = self.av.open(source, format='v4l2' if device else None, options=options,
                                          metadata_errors='replace', timeout=timeout)
            self.video = self.container.streams.video[0]
        except (self.av.FFmpegError, OSError, IndexError) as error:
            raise InputError(f'{source}: cannot be opened as a video ({error})') from error
        self.video.thread_type = 'AUTO'
        self.fps = float(self.video.average_rate or self.video.guessed_rate or 25)
        audio = [s for s in self.container.streams.audio if getattr(s, 'rate', None)] if with_sound else []
        self.audio: Any = next(iter(audio), None)
        self.rate: Optional[int] = self.audio.rate if self.audio else None
        length = self.container.duration
        self.seconds = length / 1e6 if length and length > 0 else None

    def __iter__(self) -> Iterator[Union[Frame, Sound]]:
        start = self.video.start_time
        zero = None if start is None else float(start * self.video.time_base)
        streams = [self.video] + ([self.audio] if self.audio else [])
        try:
            for packet in self.container.demux(streams):
                try:
                    decoded = packet.decode()
                except self.av.InvalidDataError:
                    continue  # what follows may be fine, and a stream may begin in the middle
                for item in decoded:
                    if item.time is None:
                        continue
                    if zero is None:
                        if packet.stream is not self.video:
                            continue  # when the first picture is shown is not known yet
                        zero = item.time
                    if packet.stream is self.video:
                        yield Frame(item.time - zero, item)
                    else:
                        yield Sound(item.time - zero, mono(item))
            self.complete = True
        except (self.av.FFmpegError, OSError):
            return  # the connection was lost; `complete` tells

    def __enter__(self) -> 'MediaStream':
        return self

    def __exit__(self, *error) -> None:
        self.container.close()
