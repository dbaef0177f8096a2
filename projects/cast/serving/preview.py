"""A small copy of a video that browsers play."""
from fractions import Fraction
from typing import Any, Iterable, Iterator, Union

import numpy as np

from ..datasets import Frame, MediaStream, Sound

SHORT_SIDE = 360
AAC_RATES = 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000


def encode(stream: MediaStream, target: str) -> None:
    """Writes what browsers play: H.264 with a short side of at most 360, at the same times, and AAC, if
    the sound has one of its rates.

    Args:
        stream: The video, with its sound.
        target: MP4 file to write.
    """
    av = stream.av
    tick, last, heard = Fraction(1, 1000), -1, 0
    with stream, av.open(target, 'w', options={'movflags': 'faststart'}) as file:
        fps = Fraction(stream.fps).limit_denominator(1001)
        video = file.add_stream('libx264', rate=fps, options={'crf': '26', 'g': str(max(round(fps), 1))})
        video.codec_context.time_base, video.pix_fmt, size = tick, 'yuv420p', None
        audio: Any = None
        if stream.rate in AAC_RATES:
            audio = file.add_stream('aac', rate=stream.rate, layout='mono')
        for item in picture_first(stream):
            if isinstance(item, Sound):
                if audio is None:
                    continue
                frame = av.AudioFrame.from_ndarray(item.wave[None], format='fltp', layout='mono')
                frame.sample_rate, frame.time_base, frame.pts = stream.rate, Fraction(1, stream.rate), heard
                heard += len(item.wave)
                file.mux(audio.encode(frame))
                continue
            if size is None:
                half = min(SHORT_SIDE / min(item.image.shape[:2]), 1) / 2
                size = [2 * max(round(half * n), 8) for n in item.image.shape[1::-1]]  # even, as H.264 needs
                video.width, video.height = size
            last = max(round(item.time * 1000), last + 1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(item.image)).reformat(*size, 'yuv420p')
            frame.pts, frame.time_base = last, tick
            file.mux(video.encode(frame))
        for out in filter(None, (video, audio)):
            file.mux(out.encode())


def picture_first(stream: Iterable[Union[Frame, Sound]]) -> Iterator[Union[Frame, Sound]]:
    """Yields the first frame before the sound that is stored in front of it, as its size must be known."""
    items = iter(stream)
    early = []
    for item in items:
        early.append(item)
        if isinstance(item, Frame):
            break
    yield from [*early[-1:], *early[:-1]]
    yield from items
