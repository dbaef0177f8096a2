"""What the header of an uploaded file says, before anything of it is decoded."""
from pathlib import Path
from typing import Iterator, Optional, Union

import av

from ..datasets import Frame, MediaStream, Sound
from .limits import Limits, VideoRefused

MAGIC = dict(  # where each container has what
    mov=(4, (b'ftyp', b'moov', b'mdat', b'wide', b'free', b'skip')), matroska=(0, (b'\x1a\x45\xdf\xa3', )),
    avi=(8, (b'AVI ', )), mpegts=(0, (b'G', )), mpeg=(0, (b'\0\0\1\xba', )), flv=(0, (b'FLV', )),
    asf=(0, (b'\x30\x26\xb2\x75', )), ogg=(0, (b'OggS', )))
READABLE = 'MP4, MOV, Matroska, WebM, AVI, MPEG, FLV, WMV or Ogg'
TS_PACKET = 188


def container_of(head: bytes) -> Optional[str]:
    """Returns FFmpeg's name of the container whose first bytes these are, or None.

    FFmpeg would also open playlists and scripts, which name other files and addresses to read. These are
    texts, and a text has no zero byte. Of the containers, only Matroska may lack one in its first 16 bytes;
    FFmpeg recognises it with full certainty.
    """
    for name, (at, words) in MAGIC.items():
        if any(head[at:at + len(word)] == word for word in words):
            if name == 'mpegts' and head[TS_PACKET:TS_PACKET + 1] != b'G':
                continue
            return name if name == 'matroska' or b'\0' in head[:16] else None
    return None


def check(path: str, limits: Limits) -> None:
    """Checks a file against the limits, as far as its header tells.

    Raises:
        VideoRefused: If it is no video, or exceeds a limit.
    """
    size = Path(path).stat().st_size
    if size > limits.bytes:
        raise VideoRefused('too large', f'the file has {size} bytes; the limit is {limits.bytes}')
    with open(path, 'rb') as file:
        container = container_of(file.read(2 * TS_PACKET))
    if container is None:
        raise VideoRefused('unreadable', f'the file is not a video that can be read; send {READABLE}')
    try:
        with av.open(path, format=container, metadata_errors='replace') as media:
            video = media.streams.video[0]
            fps = float(video.average_rate or video.guessed_rate or 25)
            check_size(video.codec_context.width, video.codec_context.height, limits)
            seconds = [(media.duration or 0) / 1e6, video.frames / fps if fps > 0 else 0.,
                       float((video.duration or 0) * (video.time_base or 0))]
    except (av.FFmpegError, IndexError) as error:
        raise VideoRefused('unreadable', 'the file cannot be opened as a video; is it complete?') from error
    if not 0 < fps <= limits.fps:
        raise VideoRefused('too large', f'the video has {fps:g} frames a second; the limit is {limits.fps:g}')
    check_time(max(seconds), limits)


def check_size(width: int, height: int, limits: Limits) -> None:
    """Checks the size of a frame."""
    if width <= 0 or height <= 0:
        raise VideoRefused('unreadable', 'the file has no pictures that can be decoded')
    if width * height > limits.pixels:
        raise VideoRefused('too large', f'the video has {width} x {height} pixels; the limit is '
                           f'{limits.pixels} in all')


def check_time(seconds: float, limits: Limits) -> None:
    """Checks a length, or the time of a frame."""
    if seconds > limits.seconds:
        raise VideoRefused('too long', f'the video has {seconds:.1f} s; the limit is {limits.seconds:g} s')


class BoundedStream(MediaStream):
    """A stream that ends with :class:`VideoRefused` where the header was wrong and a limit is exceeded.

    Args:
        path: The file.
        with_sound: Whether to decode the sound.
        limits: The limits.
    """

    def __init__(self, path: str, with_sound: bool, limits: Limits) -> None:
        super().__init__(path, with_sound)
        self.limits = limits

    def __iter__(self) -> Iterator[Union[Frame, Sound]]:
        for item in super().__iter__():
            check_time(item.time, self.limits)
            if isinstance(item, Frame):
                check_size(item.picture.width, item.picture.height, self.limits)
            yield item
