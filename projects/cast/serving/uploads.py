"""Uploads are written to a file of ours while they arrive, within limits on bytes and time."""
import asyncio
from typing import Any, Dict, Optional

import python_multipart as multipart

DRAIN = 2**25, 3.  # bytes and seconds of an upload that are still read once it is refused
FIELD = b'video'


class Refused(Exception):
    """A request that is answered with an error.

    Args:
        status: Status of the answer.
        kind: A word for programs.
        message: One line.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


class VideoPart:
    """Writes the part ``video`` of a form to a file; its file name is not looked at.

    Args:
        boundary: Of the parts, from the header of the request.
        path: File to write.
        limit: Bytes of the file.
    """

    def __init__(self, boundary: bytes, path: str, limit: int) -> None:
        self.options = multipart.multipart.parse_options_header
        self.error = multipart.exceptions.FormParserError
        self.file = open(path, 'xb')
        self.limit, self.size, self.parts = limit, 0, 0
        self.header: Dict[bytes, bytes] = {}
        self.ours = self.complete = False
        try:
            callbacks: Any = {
                f'on_{name}': getattr(self, name) for name in (
                    'part_begin', 'header_begin', 'header_field', 'header_value', 'header_end',
                    'headers_finished', 'part_data', 'end')}
            self.parser = multipart.MultipartParser(boundary, callbacks)
        except (self.error, ValueError) as error:
            self.file.close()
            raise malformed(error) from error

    def write(self, data: bytes) -> None:
        """Reads a piece of the request."""
        try:
            self.parser.write(data)
        except self.error as error:
            raise malformed(error) from error

    def part_begin(self) -> None:
        self.header, self.parts, self.ours = {}, self.parts + 1, False
        if self.parts > 1:
            raise Refused(400, 'bad request', "send one part, the file 'video'")

    def header_begin(self) -> None:
        self.name, self.value = b'', b''

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self.name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def header_end(self) -> None:
        self.header[self.name.lower()] = self.value

    def headers_finished(self) -> None:
        _, options = self.options(self.header.get(b'content-disposition', b''))
        self.ours = options.get(b'name') == FIELD
        if not self.ours:
            raise Refused(400, 'bad request', "the form has another part than 'video'; send the file there")

    def part_data(self, data: bytes, start: int, end: int) -> None:
        self.size += end - start
        if self.size > self.limit:
            raise too_large(self.limit)
        self.file.write(data[start:end])

    def end(self) -> None:
        self.complete = True


async def receive(request: Any, path: str, limit: int, seconds: float) -> int:
    """Writes the uploaded video to a file, and returns its size.

    Args:
        request: Starlette's request.
        path: File to write.
        limit: Bytes that are accepted.
        seconds: How long the upload may take.

    Raises:
        Refused: If it is no upload, too large or too slow.
    """
    kind, options = multipart.multipart.parse_options_header(request.headers.get('content-type', ''))
    if kind != b'multipart/form-data' or not options.get(b'boundary'):
        raise Refused(415, 'bad request', "send a form (multipart/form-data) with the file 'video'")
    announced = request.headers.get('content-length', '')
    if announced.isdigit() and int(announced) > limit + 2**16:  # what else is in a form
        raise too_large(limit)
    part = VideoPart(options[b'boundary'], path, limit)
    try:
        await asyncio.wait_for(read(request, part), seconds)
    except asyncio.TimeoutError:  # noqa: UP041  not the same in Python 3.10
        raise Refused(408, 'timed out', f'the upload took longer than {seconds:g} s') from None
    finally:
        part.file.close()
    if not part.complete or not part.parts:
        raise Refused(400, 'bad request', 'the upload is not complete')
    return part.size


async def read(request: Any, part: Optional[VideoPart] = None, limit: float = float('inf')) -> None:
    """Reads a request to its end, or until more than ``limit`` bytes have come."""
    count = 0
    async for data in request.stream():
        count += len(data)
        if part is not None:
            part.write(data)
        if count > (part.limit + 2**20 if part else limit):  # whatever it is, it is not the video
            raise too_large(part.limit if part else 0)


async def drain(request: Any) -> None:
    """Reads some more of a request that is refused.

    A client that is still sending would otherwise lose the connection before it has read the answer.
    """
    if request.headers.get('expect'):
        return  # it has not sent anything yet
    try:
        await asyncio.wait_for(read(request, None, DRAIN[0]), DRAIN[1])
    except Exception:  # it takes too long, is too much, or the client has gone
        pass


def too_large(limit: int) -> Refused:
    """Returns the answer to an upload of too many bytes."""
    return Refused(413, 'too large', f'the upload has more than {limit} bytes')


def malformed(error: Exception) -> Refused:
    """Returns the answer to a form that cannot be read."""
    return Refused(400, 'bad request', 'the form is not multipart/form-data as RFC 7578 has it')
