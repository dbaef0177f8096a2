"""Files and requests that are meant to do harm, and the status that each of them gets."""
import gzip
import io
import os
import socket
import struct
import time
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from conftest import write_frames
from sounds import write_sound

BOUNDARY = b'frontier'
LIMIT = 2**20  # bytes of an upload
SECONDS, PIXELS, FPS, UPLOAD = 20., 640 * 480, 60., 2.  # the other limits of the server


def good(folder):
    """A video that can be read."""
    path = folder / 'good.mp4'
    if not path.exists():
        write_frames(path, np.arange(40) / 10)
    return path.read_bytes()


def made(folder, name, times, size=(64, 48), **options):
    """A video of the given times and size."""
    write_frames(folder / name, times, size, **options)
    return (folder / name).read_bytes()


def faststart(folder):
    """A video whose header is in front."""
    source, target = folder / 'good.mp4', folder / 'fast.mp4'
    good(folder)
    with av.open(str(source)) as read, av.open(str(target), 'w', options={'movflags': 'faststart'}) as write:
        stream = write.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.size:
                packet.stream = stream
                write.mux(packet)
    return target.read_bytes()


def matroska(folder, length=None, seconds=4.):
    """A Matroska file, whose header may announce another length."""
    data = bytearray(made(folder, 'video.mkv', np.arange(round(10 * seconds)) / 10))
    if length is not None:
        at = data.index(b'\x44\x89\x88') + 3
        data[at:at + 8] = struct.pack('>d', length)
    return bytes(data)


def flipped(folder):
    """A video with noise in the middle of its pictures."""
    data = bytearray(faststart(folder))
    at = data.index(b'mdat') + 100
    data[at:] = np.random.default_rng(0).bytes(len(data) - at)
    return bytes(data)


def box(kind, *content):
    """A box of an MP4 file."""
    content = b''.join(content)
    return struct.pack('>I4s', 8 + len(content), kind) + content


def nested(folder):
    """Boxes in boxes in boxes."""
    inner = b''
    for _ in range(5000):
        inner = box(b'moov', inner)
    return box(b'ftyp', b'isom\0\0\0\0isom') + inner


def patched(folder, what, at, value):
    """A video of which four bytes behind a word are others."""
    data = bytearray(faststart(folder))
    place = data.index(what) + len(what) + at
    data[place:place + 4] = struct.pack('>I', value)
    return bytes(data)


def looped(folder):
    """A Matroska file whose list of places points to itself."""
    data = bytearray(matroska(folder))
    at = data.index(b'\x53\xac') + 3
    data[at:at + data[at - 1] - 0x80] = bytes(data[at - 1] - 0x80)
    return bytes(data)


def growing(folder):
    """Small pictures, and then one of 8000 x 8000."""
    path = folder / 'growing.mkv'
    with av.open(str(path), 'w') as file:
        stream = file.add_stream('mjpeg', rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuvj420p'
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8)).reformat(format='yuvj420p')
        small = bytes(stream.encode(frame)[0])
        large = cv2.imencode('.jpg', np.zeros((8000, 8000), np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 1])[1]
        for i in range(20):
            packet = av.Packet(small if i < 5 else large.tobytes() if i == 5 else small)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, i, i, Fraction(1, 10)
            packet.is_keyframe = True
            file.mux(packet)
    return path.read_bytes()


def bomb(folder):
    """A zip file that unpacks to 200 MB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('video.mp4', bytes(200 * 10**6))
    return out.getvalue()


def sound(folder):
    """A sound without pictures."""
    write_sound(folder / 'sound.mkv', np.zeros(16000))
    return (folder / 'sound.mkv').read_bytes()


LAUGHS = b'<!DOCTYPE svg [<!ENTITY a "ha">' + b''.join(
    b'<!ENTITY %c "%s">' % (c + 1, b'&%c;' % c * 10) for c in range(97, 110)) + b']><svg>&n;</svg>'
MANIFEST = b'<MPD profiles="urn:mpeg:dash:profile:isoff-live:2011"><BaseURL>file:///etc/</BaseURL></MPD>'

FILES = {  # what is uploaded as a video, and the status
    'nothing': (lambda f: b'', 422),
    'zeros': (lambda f: bytes(10000), 422),
    'noise': (lambda f: np.random.default_rng(0).bytes(50000), 422),
    'a playlist of local files': (lambda f: b'#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST', 422),
    'a script that joins files': (lambda f: b"ffconcat version 1.0\nfile '/etc/passwd'\n", 422),
    'a manifest in a transport stream': (
        lambda f: b'G' + b' ' * 187 + b'G' + MANIFEST + b' ' * 187 + b'G' + b' ' * 500, 422),
    'XML that grows': (lambda f: LAUGHS, 422),
    'a zip that grows': (bomb, 422),
    'a compressed video': (lambda f: gzip.compress(good(f)), 422),
    'a picture': (lambda f: cv2.imencode('.png', np.zeros((64, 64, 3), np.uint8))[1].tobytes(), 422),
    'a sound': (sound, 422),
    'the first half of an MP4': (lambda f: good(f)[:len(good(f)) // 2], 422),
    'the header of an MP4': (lambda f: faststart(f)[:faststart(f).index(b'mdat') + 4], 422),
    'the first bytes of Matroska': (lambda f: matroska(f)[:400], 422),
    'noise behind a header': (flipped, 422),
    'boxes in boxes': (nested, 422),
    'a box that ends before it begins': (lambda f: patched(f, b'isom', -12, 0) + b'\0\0\0\1moov' * 99, 422),
    '2 ** 31 samples': (lambda f: patched(f, b'stsz', 8, 2**31 - 1), 422),
    'a list that points to itself': (looped, 200),
    'a picture of 6000 x 6000': (lambda f: made(f, 'wide.mkv', [0], (6000, 6000), preset='ultrafast'), 413),
    'pictures that grow': (growing, 200),  # the decoder shrinks them; a timeline refuses them
    '1000 frames a second': (lambda f: made(f, 'rate.mp4', np.arange(200) / 1000), 413),
    'a frame after an hour': (lambda f: made(f, 'slow.mkv', [0, 1, 3600]), 422),
    '30 years, in the header': (lambda f: matroska(f, 1e12), 422),
    'a length that is no number': (lambda f: matroska(f, float('nan')), 422),
    'more bytes than the limit': (lambda f: good(f) + bytes(LIMIT), 413),
}


def form(video, name=b'video.mp4', field=b'video'):
    """The body of an upload."""
    return (b'--' + BOUNDARY + b'\r\nContent-Disposition: form-data; name="' + field + b'"; filename="' + name
            + b'"\r\nContent-Type: video/mp4\r\n\r\n' + video + b'\r\n--' + BOUNDARY + b'--\r\n')


def head(length=None, path=b'/v1/predict', kind=b'multipart/form-data; boundary=' + BOUNDARY, more=b''):
    """The headers of a request."""
    if length is not None:
        more += b'Content-Length: %d\r\n' % length
    return (b'POST ' + path + b' HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: ' + kind
            + b'\r\n' + more + b'\r\n')


def whole(body, **options):
    """A request with its body."""
    return [head(len(body), **options) + body]


def slow(body):
    """Pieces of a body, with pauses."""
    yield head(len(body))
    for i in range(len(body)):
        time.sleep(0.1)
        yield body[i:i + 1]


def endless():
    """A body in chunks that would never end."""
    yield head(more=b'Transfer-Encoding: chunked\r\n')
    yield b'%x\r\n' % 65536 + form(b'')[:-16] + bytes(65536 - len(form(b'')[:-16])) + b'\r\n'
    while True:
        yield b'10000\r\n' + bytes(65536) + b'\r\n'


NAMES = b'../../../../evil.mp4', b'/evil.mp4', b'evil\0.mp4', b'x' * 3000, b'evil;rm -rf $HOME|`id`.mp4'

REQUESTS = {  # the pieces of a request, from a good video, and the status; None: the connection is closed
    **{f'the name {name[:20]!r}': (lambda v, name=name: whole(form(v, name)), 200) for name in NAMES},
    'another field': (lambda v: whole(form(v, field=b'movie')), 400),
    'two files': (lambda v: whole(form(v)[:-len(BOUNDARY) - 6] + form(v)), 400),
    'no form': (lambda v: whole(v, kind=b'video/mp4'), 415),
    'a form without a boundary': (lambda v: whole(form(v), kind=b'multipart/form-data'), 415),
    'another boundary': (lambda v: whole(form(v), kind=b'multipart/form-data; boundary=other'), 400),
    'a part with 10000 headers': (lambda v: whole(form(v).replace(
        b'\r\nContent-Type', b'\r\nA: b' * 10000 + b'\r\nContent-Type')), 400),
    'a header of 1 MB': (lambda v: [head(10, more=b'A: ' + b'b' * 10**6 + b'\r\n')], 400),
    'no HTTP': (lambda v: [b'\x16\x03\x01' + bytes(500) + b'\r\n\r\n'], 400),
    'a length below zero': (lambda v: [head(-5) + form(v)], 400),
    'a length of 10 GB': (lambda v: [head(10**10) + form(v)], 413),
    'a length that is too small': (lambda v: [head(len(form(v)) // 2) + form(v)], 400),
    'a length that is too large': (lambda v: [head(len(form(v)) + 10) + form(v)[:-10]], 408),
    'a byte at a time': (lambda v: slow(form(v)), 408),
    'an upload without end': (lambda v: endless(), 413),
    'half a header': (lambda v: [head(10)[:50]], None),
    'nothing': (lambda v: [], None),
    'topk=-1': (lambda v: whole(form(v), path=b'/v1/predict?topk=-1'), 422),
    'topk=10**9': (lambda v: whole(form(v), path=b'/v1/predict?topk=1000000000'), 422),
    'a stride of 1e-9 s': (lambda v: whole(form(v), path=b'/v1/timeline?stride=1e-9'), 422),
    'windows of nan s': (lambda v: whole(form(v), path=b'/v1/timeline?window=nan'), 422),
    'a path above': (lambda v: whole(form(v), path=b'/v1/../../etc/passwd'), 404),
}


def ask(port, pieces, seconds=30.):
    """Sends a request, and returns the status and the body of the answer, or None if there is none."""
    with socket.create_connection(('127.0.0.1', port), timeout=seconds) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except (ConnectionError, TimeoutError):
            pass  # the answer may have come already
        answer = bytearray()
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionError:
            pass
    if not answer:
        return None, b''
    first, _, body = bytes(answer).partition(b'\r\n\r\n')
    return int(first.split()[1]), body


def gone(port, pieces):
    """Sends a part of a request, and goes."""
    with socket.create_connection(('127.0.0.1', port), timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def left(process, folder):
    """What a process holds: memory in bytes, processes, open files, and files in its folder."""
    stats = [path.read_text().rpartition(')')[2].split() for path in Path('/proc').glob('[0-9]*/stat')
             if os.access(path, os.R_OK)]
    return dict(
        memory=int(Path(f'/proc/{process}/statm').read_text().split()[1]) * os.sysconf('SC_PAGESIZE'),
        processes=sum(int(fields[1]) == process for fields in stats),
        open=len(os.listdir(f'/proc/{process}/fd')),
        files=sum(len(f) + len(d) for _, d, f in os.walk(folder)))
