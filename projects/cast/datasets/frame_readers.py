"""Readers of frames by PyAV and torchcodec, which ``InitVideo`` offers beside decord."""
from io import BytesIO
from itertools import chain
from typing import Any, Iterator, List, Sequence, Tuple, Union

import numpy as np

from ..utils import InputError, library

SAMPLES = 512  # entries of a file's index that are read to see whether the frame rate is constant

Indices = Union[Sequence[int], np.ndarray]


class PyAVReader:
    """The frames of a video by index, in the order in which they are shown, upright and as RGB.

    The methods that decord's ``VideoReader`` has as well do the same. If the index of the file says that the
    frame rate is constant, opening reads nothing else; otherwise, it reads the times of all packets. AVI
    files do not tell when a frame is shown; unless each frame is a key frame, they are decoded from their
    beginning.

    Args:
        file: A path or a file object.
        num_threads: Number of threads of the decoder.

    Raises:
        InputError: If PyAV is not installed.
        RuntimeError: If it cannot be read as a video.
    """

    def __init__(self, file: Any, num_threads: int = 1) -> None:
        self.av: Any = library('av', "decoder='pyav' or 'torchcodec'", 'pip install -e ".[data]"')
        try:
            self.container = self.av.open(file, metadata_errors='replace')  # titles may have any encoding
            self.stream = self.container.streams.video[0]
            self.stream.codec_context.thread_count = num_threads
            self.constant = self.read_index()
            if not self.constant:
                self.read_packets()
        except (self.av.FFmpegError, IndexError) as error:
            raise RuntimeError(str(error)) from error

    def read_index(self) -> bool:
        """Takes the times from the index of the file; returns False if they may not have equal steps."""
        stream = self.stream
        index = getattr(stream, 'index_entries', ())  # older versions of PyAV do not have it
        count = len(index)
        if count < 2 or count != stream.frames or self.container.format.name == 'avi':
            return False
        places = np.unique(np.linspace(0, count - 1, SAMPLES).astype(int))
        entries = [index[i] for i in places.tolist()]
        stored = np.array([entry.timestamp for entry in entries])  # when they are decoded, not shown
        step = (stored[-1] - stored[0]) / (count - 1)
        if any(entry.is_discard for entry in entries) or np.ptp(stored - step * places) > step / 4:
            return False
        self.timed, self.tolerance = True, step / 4
        self.times = stream.start_time + step * np.arange(count)
        self.delay = stream.start_time - stored[0]
        return True

    def read_packets(self) -> None:
        """Takes the times from all packets, without decoding them."""
        packets = [p for p in self.container.demux(self.stream) if p.size and not p.is_discard]
        intra = all(packet.is_keyframe for packet in packets)
        self.timed = all(packet.pts is not None for packet in packets) and (
            intra or self.container.format.name != 'avi')
        self.tolerance = self.delay = 0.
        self.keys = np.zeros(1, int)
        if self.timed:
            times = np.array([packet.pts for packet in packets], float)
            self.times = np.sort(times)
            self.keys = np.searchsorted(self.times, np.sort(times[[p.is_keyframe for p in packets]]))
            self.delay = max((p.pts - p.dts for p in packets if p.dts is not None), default=0.)
        else:
            self.times = np.arange(len(packets)) / float(self.stream.average_rate * self.stream.time_base)

    def __len__(self) -> int:
        return len(self.times)

    def get_avg_fps(self) -> float:
        """Returns the mean number of frames per second; recordings of browsers do not announce it."""
        if self.stream.average_rate or len(self.times) < 2:
            return float(self.stream.average_rate or 25)
        return (len(self) - 1) / float((self.times[-1] - self.times[0]) * self.stream.time_base)

    def get_frame_timestamp(self, indices: Indices) -> np.ndarray:
        """Returns the seconds at which frames start and end, ``(n, 2)``; the first frame starts at 0."""
        starts = (self.times - self.times[0]) * float(self.stream.time_base)
        ends = np.append(starts[1:], starts[-1] + 1 / self.get_avg_fps())
        return np.stack([starts, ends], 1)[indices]

    def read(self, indices: Indices) -> List[np.ndarray]:
        """Decodes frames ``(height, width, 3)``, uint8.

        Args:
            indices: Ascending indices, each once.

        Raises:
            IndexError: If there is no such frame.
            RuntimeError: If a frame cannot be decoded.
        """
        try:
            return list(self.decoded(indices))
        except self.av.FFmpegError as error:
            raise RuntimeError(str(error)) from error
        except UnexpectedTime:
            if not self.constant:
                raise
            self.constant = False  # the index was regular only where it was looked at
            self.container.seek(int(self.times[0] - self.delay), stream=self.stream)
            self.read_packets()
            return self.read(indices)

    def decoded(self, indices: Indices) -> Iterator[np.ndarray]:
        """Yields the frames of ascending indices."""
        at, frames = -1, iter(())  # type: Tuple[int, Iterator[Tuple[int, Any]]]
        for i in indices:
            if at < 0 or self.key_before(i) > at:
                frames = self.frames_from(i)
            at, frame = next((pair for pair in frames if pair[0] >= i), (-1, None))
            if frame is None or at > i:
                raise RuntimeError(f'frame {i} cannot be decoded')
            yield np.rot90(frame.to_ndarray(format='rgb24'), frame.rotation // 90)

    def key_before(self, i: int) -> int:
        """Returns the index of the last key frame that is not after frame ``i``, or 0."""
        if self.constant:
            return max(int(self.stream.index_entries.search_timestamp(int(self.times[i] - self.delay))), 0)
        before = self.keys[self.keys <= i]
        return int(before[-1]) if len(before) else 0

    def frames_from(self, i: int) -> Iterator[Tuple[int, Any]]:
        """Yields frames and their indices, from a key frame on that is not after frame ``i``."""
        start = i
        while start >= 0:
            start = self.key_before(start)
            # most containers seek by the time of showing, and some by that of decoding
            for time in (self.times[start], self.times[start] - self.delay):
                self.container.seek(int(time), stream=self.stream)
                frames = self.numbered()
                first = next(frames, None)
                if first is not None and first[0] <= i:
                    return chain([first], frames)
            start -= 1  # pictures before a key frame may need the one before that
        raise RuntimeError(f'frame {i} cannot be decoded')

    def numbered(self) -> Iterator[Tuple[int, Any]]:
        """Yields frames and their indices, from where the container is."""
        for count, frame in enumerate(self.container.decode(self.stream)):
            if self.timed:
                count = int(np.searchsorted(self.times, frame.pts - self.tolerance))
                if count == len(self) or abs(self.times[count] - frame.pts) > self.tolerance:
                    raise UnexpectedTime(f'there is a frame at {frame.time} s')
            yield count, frame


class UnexpectedTime(RuntimeError):
    """A frame is shown at a time that the file does not list."""


class TorchCodecReader(PyAVReader):
    """Reads by torchcodec; what is known of the file comes from PyAV.

    It seeks by the header alone, in torchcodec's approximate mode, if the frame rate is constant.

    Args:
        file: See :class:`PyAVReader`.
        num_threads: See :class:`PyAVReader`.

    Raises:
        InputError: If PyAV or torchcodec is not installed, or torchcodec finds no libraries of FFmpeg.
        RuntimeError: If it cannot be read as a video, or does not tell when a frame is shown.
    """

    def __init__(self, file: Any, num_threads: int = 1) -> None:
        super().__init__(file, num_threads)
        if not self.timed:
            raise RuntimeError("torchcodec confuses the frames of such AVI files; decoder='pyav' reads them")
        codec: Any = library('torchcodec.decoders', "decoder='torchcodec'", 'pip install torchcodec')
        try:
            self.decoder = codec.VideoDecoder(
                file.getvalue() if isinstance(file, BytesIO) else file, dimension_order='NHWC',
                num_ffmpeg_threads=num_threads, seek_mode='approximate' if self.constant else 'exact')
        except RuntimeError as error:
            if 'libtorchcodec' not in str(error):
                raise
            raise InputError("decoder='torchcodec': it finds no shared libraries of FFmpeg, or belongs to "
                             'another version of torch; see docs/performance.md') from error

    def read(self, indices: Indices) -> List[np.ndarray]:
        """Decodes frames; see :meth:`PyAVReader.read`."""
        return list(self.decoder.get_frames_at(list(map(int, indices))).data.numpy())
