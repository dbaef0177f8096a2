"""Reading a part of the sound of a video or sound file, whatever its codec, rate and number of channels."""
from importlib import import_module
from math import gcd, inf
from types import ModuleType
from typing import Any, List, Optional, Tuple

import numpy as np
from scipy.signal import resample_poly

from ..utils import InputError

JITTER = 0.025  # seconds by which time stamps may differ from equal steps; some containers round them
LEAD = 0.5  # seconds that are decoded before a part, because codecs overlap their frames

Pieces = List[Tuple[float, np.ndarray]]  # what was decoded, each piece with its time


def library(name: str) -> ModuleType:
    """Imports a library of the extra ``audio``.

    Raises:
        InputError: If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(f'sound needs {name.partition(".")[0]}; run: pip install -e ".[audio]"') from error


class SoundFile:
    """The sound of a file, as one channel.

    Time 0 is that of the first picture, if there are pictures, and otherwise the beginning of the sound.
    Channels are averaged. What cannot be decoded is silence, and sets :attr:`damaged`.

    Args:
        path: A file that FFmpeg reads, or ``FILE.hdf5/KEY``: samples at 24 kHz, as EPIC-SOUNDS keeps those of
            a video.

    Attributes:
        rate: Samples per second, or None if there is no sound.
        seconds: Time at which the sound ends, as far as the file tells; otherwise infinite. Reading up to the
            end corrects it.
        damaged: Whether anything could not be decoded so far.
    """

    def __init__(self, path: str) -> None:
        self.path, self.damaged = path, False
        self.rate: Optional[int] = None
        self.seconds, self.zero = 0., 0.
        self.container: Any = None
        self.to_the_end: Tuple[float, Pieces] = inf, []  # decoded up to the end: from where, and what
        self.key = path[len(file_of(path)) + 1:]
        if self.key:
            self.open_hdf5(file_of(path))
        else:
            self.open_media()

    def open_media(self) -> None:
        """Opens a file that FFmpeg reads."""
        av: Any = library('av')
        try:
            self.container = av.open(self.path)
        except (av.FFmpegError, OSError):
            self.damaged = True
            return
        streams = self.container.streams
        if not streams.audio or not streams.audio[0].rate:
            return
        stream = streams.audio[0]
        self.rate = stream.rate
        first = streams.video[0] if streams.video else stream
        self.zero = float((first.start_time or 0) * first.time_base)
        self.seconds = inf  # some containers do not know it, or only for the pictures
        if stream.duration:
            self.seconds = float(((stream.start_time or 0) + stream.duration) * stream.time_base) - self.zero

    def open_hdf5(self, file: str) -> None:
        """Opens a data set in an HDF5 file."""
        try:
            self.container = library('h5py').File(file)
        except OSError:
            self.damaged = True
            return
        if self.key in self.container:
            self.rate = 24000
            self.seconds = len(self.container[self.key]) / self.rate

    def __enter__(self) -> 'SoundFile':
        return self

    def __exit__(self, *error) -> None:
        if self.container is not None:
            self.container.close()

    def read(self, start: float = 0., stop: float = inf) -> np.ndarray:
        """Returns the samples ``(n, )`` from ``start`` to ``stop``, in seconds, as float32 in -1..1.

        There are as many as the time takes; with an infinite ``stop``, they end with the sound.
        """
        assert self.rate is not None
        if self.key:
            part = slice(round(start * self.rate), None if stop == inf else round(stop * self.rate))
            pieces = [(start, as_float(self.container[self.key][part]))]
        else:
            pieces = self.decode(start, stop)
        if stop == inf:
            stop = max((t + len(piece) / self.rate for t, piece in pieces), default=start)
        wave = np.zeros(max(round((stop - start) * self.rate), 0), np.float32)
        expected = 0
        for t, piece in pieces:
            at = round((t - start) * self.rate)
            if abs(at - expected) < JITTER * self.rate:
                at = expected
            expected = at + len(piece)
            piece = piece[max(-at, 0):max(len(wave) - at, 0)]
            wave[max(at, 0):max(at, 0) + len(piece)] = piece
        return wave

    def decode(self, start: float, stop: float) -> Pieces:
        """Returns at least the pieces from ``start`` to ``stop``."""
        if start >= self.to_the_end[0]:
            return self.to_the_end[1]
        av: Any = library('av')
        stream, pieces = self.container.streams.audio[0], []
        after = 0.
        try:
            self.container.seek(int(max(start + self.zero - LEAD, 0) * 1e6))
            for packet in self.container.demux(stream):
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    self.damaged = True
                    continue
                for frame in frames:
                    time = after if frame.time is None else frame.time - self.zero
                    pieces.append((time, mono(frame)))
                    after = time + frame.samples / frame.sample_rate
                if after >= stop:
                    break
            else:
                self.seconds = min(self.seconds, after or start)
                self.to_the_end = start, pieces
        except (av.FFmpegError, OSError):
            self.damaged = True
        return pieces


def has_sound(path: str) -> bool:
    """Returns whether a file can be opened and has sound, even if it is silence."""
    with SoundFile(path) as sound:
        return sound.rate is not None


def file_of(path: str) -> str:
    """Returns the file of a path, which is the path itself unless it is ``FILE.hdf5/KEY``."""
    file, found, _ = path.partition('.hdf5/')
    return file + found.rstrip('/')


def as_float(samples: np.ndarray) -> np.ndarray:
    """Converts integer samples to float32 in -1..1."""
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    if samples.dtype.kind == 'i':
        return (samples / -float(np.iinfo(samples.dtype).min)).astype(np.float32)
    return samples.astype(np.float32)


def mono(frame: Any) -> np.ndarray:
    """Returns the mean of the channels of a frame of PyAV, ``(n, )``."""
    samples = as_float(frame.to_ndarray())  # (channels, n), or interleaved in one row
    channels = samples if frame.format.is_planar else samples.reshape(-1, len(frame.layout.channels)).T
    return channels.mean(0)


def resample(wave: np.ndarray, rate: int, new: int) -> np.ndarray:
    """Resamples from ``rate`` to ``new`` samples a second."""
    factor = gcd(rate, new)
    return wave if rate == new else resample_poly(wave, new // factor, rate // factor).astype(np.float32)
