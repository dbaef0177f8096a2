"""Reading a part of the sound of a video or sound file, whatever its codec, rate and number of channels."""
from math import gcd, inf
from types import ModuleType
from typing import Any, List, Optional, Tuple

import numpy as np
from scipy.signal import resample_poly

from ..utils import InputError, library

JITTER = 0.025  # seconds by which time stamps may differ from equal steps; some containers round them
HDF5_RATE = 24000  # samples a second in EPIC-SOUNDS' HDF5 file
LEAD = 0.5  # seconds that are decoded before a part, because codecs overlap their frames

Pieces = List[Tuple[float, np.ndarray]]  # what was decoded, each piece with its time


def audio_library(name: str) -> ModuleType:
    """Imports a library of the extra ``audio``."""
    return library(name, 'sound', 'pip install -e ".[audio]"')


class SoundFile:
    """The sound of a file, as one channel.

    Time 0 is that of the first picture, if there are pictures, and otherwise the beginning of the sound.
    Channels are averaged. If there are several audio streams, the first is heard that can be decoded. What
    cannot be decoded, or is missing between two parts, is silence, and sets :attr:`damaged`.

    Args:
        path: A file that FFmpeg reads, or ``FILE.hdf5/KEY``: samples at 24 kHz, as EPIC-SOUNDS keeps those of
            a video.

    Raises:
        InputError: If a library is missing, or the HDF5 data set is not a row of samples.

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
        av: Any = audio_library('av')
        try:
            self.container = av.open(self.path, metadata_errors='replace')  # titles may have any encoding
        except (av.FFmpegError, OSError):
            self.damaged = True
            return
        streams = self.container.streams
        stream = next((s for s in streams.audio if getattr(s, 'rate', None)), None)  # others have no decoder
        if stream is None:
            self.damaged = bool(streams.audio)
            return
        self.stream, self.rate = stream, stream.rate
        first = streams.video[0] if streams.video else stream
        self.zero = float((first.start_time or 0) * first.time_base)
        self.seconds = inf  # some containers do not know it, or only for the pictures
        if stream.duration:
            self.seconds = float(((stream.start_time or 0) + stream.duration) * stream.time_base) - self.zero

    def open_hdf5(self, file: str) -> None:
        """Opens a data set in an HDF5 file."""
        try:
            self.container = audio_library('h5py').File(file)
        except OSError:
            self.damaged = True
            return
        if self.key in self.container:
            shape = getattr(self.container[self.key], 'shape', 'a group')
            if not isinstance(shape, tuple) or len(shape) != 1:
                raise InputError(f'{self.path}: is {shape} instead of (samples, ); name the data set of a '
                                 'video')
            self.rate, self.seconds = HDF5_RATE, shape[0] / HDF5_RATE

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
            pieces = self.slice(start, stop)
        else:
            pieces = self.decode(start, stop)
        if stop == inf:
            stop = max((t + len(piece) / self.rate for t, piece in pieces), default=start)
        wave = np.zeros(max(round((stop - start) * self.rate), 0), np.float32)
        expected = -inf
        for t, piece in pieces:
            at = round((t - start) * self.rate)
            if abs(at - expected) < JITTER * self.rate:
                at = int(expected)
            self.damaged |= at > expected > -inf
            expected = at + len(piece)
            piece = piece[max(-at, 0):max(len(wave) - at, 0)]
            wave[max(at, 0):max(at, 0) + len(piece)] = piece
        if not np.isfinite(wave).all():
            self.damaged, wave = True, np.nan_to_num(wave, posinf=0, neginf=0)
        return wave

    def slice(self, start: float, stop: float) -> Pieces:
        """Returns a part of an HDF5 data set; time before its beginning is not in it."""
        first = max(round(start * HDF5_RATE), 0)
        last = None if stop == inf else max(round(stop * HDF5_RATE), 0)
        try:
            return [(first / HDF5_RATE, as_float(self.container[self.key][first:last]))]
        except OSError:
            self.damaged = True
            return []

    def decode(self, start: float, stop: float) -> Pieces:
        """Returns at least the pieces from ``start`` to ``stop``."""
        if start >= self.to_the_end[0]:
            return self.to_the_end[1]
        av: Any = audio_library('av')
        pieces: Pieces = []
        after = 0.
        try:
            self.container.seek(int(max(start + self.zero - LEAD, 0) * 1e6))
            for packet in self.container.demux(self.stream):
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


class SoundArray:
    """Sound in memory, which is read as that of a :class:`SoundFile`.

    Args:
        wave: Samples ``(n, )``, float32 in -1..1.
        rate: Samples per second.
    """

    def __init__(self, wave: np.ndarray, rate: int) -> None:
        self.wave, self.rate, self.seconds, self.damaged = wave, rate, len(wave) / rate, False

    def read(self, start: float = 0., stop: float = inf) -> np.ndarray:
        """Returns the samples from ``start`` to ``stop``, in seconds."""
        stop = min(stop, self.seconds)
        return self.wave[round(start * self.rate):round(stop * self.rate)]


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
