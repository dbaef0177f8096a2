"""What a video may cost, and the reasons for which one is refused."""
import ipaddress
from dataclasses import dataclass

from ..utils import InputError

KINDS = ('too large', 'too long', 'unreadable', 'timed out', 'out of memory')


class VideoRefused(InputError):
    """A video that is not decoded to its end; the message is one line, without paths.

    Args:
        kind: One of ``KINDS``.
        message: What is wrong, with the numbers.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Limits:
    """What the decoding of one video may cost.

    Attributes:
        bytes: Size of the file.
        seconds: Length of the video.
        pixels: Width times height.
        fps: Frames per second.
        memory: Bytes of memory of the process that decodes, beyond its libraries.
        cpu: Seconds of CPU time.
        wall: Seconds that may be spent waiting for the process.
        output: Bytes of one message from the process, or of the file that it writes.
        files: Number of files that the process may have open.
    """

    bytes: int = 256 * 2**20
    seconds: float = 600.
    pixels: int = 4096 * 2304
    fps: float = 240.
    memory: int = 2 * 2**30
    cpu: float = 60.
    wall: float = 60.
    output: int = 256 * 2**20
    files: int = 64


def is_local(host: str) -> bool:
    """Whether only programs on this machine reach an address."""
    try:
        return host == 'localhost' or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
