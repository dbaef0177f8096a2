"""Messages from a process that is not trusted: JSON and tensors, which are read without running code."""
import json
import os
import select
import struct
import time
from threading import Event
from typing import Any, Callable, Dict, NamedTuple, Optional

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from mmaction.structures import ActionDataSample

HEADER = struct.Struct('<QQ')
NOTE = 2**16  # bytes of JSON
LOOK = 0.1  # seconds between two looks at whether to stop


class BrokenMessage(ValueError):
    """A process sent what is no message."""


class Stopped(Exception):
    """The caller no longer wants what it asked for."""


class Message(NamedTuple):
    """What a process found.

    Attributes:
        note: Plain values.
        tensors: Tensors by name.
    """

    note: Dict[str, Any]
    tensors: Dict[str, Tensor]


def send(fd: int, note: Dict[str, Any], tensors: Dict[str, Tensor] = {}) -> None:
    """Writes a message."""
    text = json.dumps(note).encode()
    packed = save({name: tensor.contiguous() for name, tensor in tensors.items()})
    for part in (HEADER.pack(len(text), len(packed)), text, packed):
        view = memoryview(part)
        while view:
            view = view[os.write(fd, view):]


def receive(fd: int, seconds: float, limit: int, stop: Optional[Event] = None) -> Message:
    """Reads a message.

    Args:
        fd: Reading end of a pipe.
        seconds: How long it may take.
        limit: Bytes of tensors that are accepted.
        stop: Ends the wait once it is set.

    Raises:
        Stopped: If ``stop`` is set.
        EOFError: If the pipe ends before.
        TimeoutError: If it takes too long.
        BrokenMessage: If it is no message, or too long a one.
    """
    deadline = time.monotonic() + seconds
    lengths = HEADER.unpack(read(fd, HEADER.size, deadline, stop))
    if lengths[0] > NOTE or lengths[1] > limit:
        raise BrokenMessage(f'a message of {sum(lengths)} bytes')
    text, packed = (read(fd, length, deadline, stop) for length in lengths)
    try:
        note, tensors = json.loads(text), load(packed)
    except (ValueError, RecursionError, SafetensorError, KeyError) as error:
        raise BrokenMessage(str(error)) from error
    if not isinstance(note, dict):
        raise BrokenMessage('a message without a dict')
    return Message(note, tensors)


def read(fd: int, count: int, deadline: float, stop: Optional[Event] = None) -> bytes:
    """Reads exactly ``count`` bytes before a time of the monotonic clock."""
    data = bytearray()
    while len(data) < count:
        left = max(deadline - time.monotonic(), 0)
        ready, _, _ = select.select([fd], [], [], min(left, LOOK) if stop else left)
        if stop and stop.is_set():
            raise Stopped
        if not ready:
            if left:
                continue
            raise TimeoutError
        part = os.read(fd, min(count - len(data), 2**20))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def pack(send_it: Callable[..., None], sample: Dict[str, Any], **note: Any) -> None:
    """Sends the output of a pipeline."""
    inputs, about = sample['inputs'], sample['data_samples']
    note['img_shape'] = [*map(int, about.get('img_shape', ()))]
    note['no_sound'] = bool(about.get('no_sound'))
    note['single'] = not isinstance(inputs, dict)
    send_it(note, dict(imgs=inputs) if note['single'] else inputs)


def unpack(message: Message) -> Dict[str, Any]:
    """Returns the output of a pipeline, as a model reads it."""
    note, tensors = message
    about = ActionDataSample()
    about.set_metainfo(dict(img_shape=tuple(note.get('img_shape', ()))))
    if note.get('no_sound'):
        about.set_metainfo(dict(no_sound=True))
    return dict(inputs=tensors['imgs'] if note.get('single') else tensors, data_samples=about)
