"""Measures how much a server on this machine bears, and what it does at twice that load.

    python tools/serve.py CONFIG CHECKPOINT &
    python tools/analysis/load_test.py VIDEO --port 8000

First, --clients send VIDEO again and again, each as soon as it has its answer, for --seconds: the answers a
second are the capacity. Then requests are sent at twice that rate for as long, whether or not there are
answers. Each must be answered, by 200 or 429. Only 127.0.0.1 is asked, and there are at most --most requests.
"""
import argparse
import asyncio
import statistics
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import List, NamedTuple, Optional

from projects.cast.utils import InputError, run_tool

HOST, BOUNDARY = '127.0.0.1', 'load-test'
PATIENCE = 120.  # seconds until a request without an answer is lost


class Reply(NamedTuple):
    """The status of an answer, or None if it was lost, and its seconds."""

    status: Optional[int]
    seconds: float


def request_of(video: bytes, route: str, token: str) -> bytes:
    """Returns the bytes of an upload."""
    body = (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="video"; filename="video"\r\n\r\n'.encode()
            + video + f'\r\n--{BOUNDARY}--\r\n'.encode())
    headers = [f'POST {route} HTTP/1.1', f'Host: {HOST}', 'Connection: close', f'Content-Length: {len(body)}',
               f'Content-Type: multipart/form-data; boundary={BOUNDARY}']
    if token:
        headers.append(f'Authorization: Bearer {token}')
    return '\r\n'.join(headers).encode() + b'\r\n\r\n' + body


async def exchange(port: int, request: bytes) -> int:
    """Sends a request, and returns the status of its answer."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(request)
        first = await reader.readline()
        await reader.read()
        return int(first.split()[1])
    finally:
        writer.close()


async def ask(port: int, request: bytes) -> Reply:
    """Sends a request, and measures it."""
    began = time.monotonic()
    try:
        status: Optional[int] = await asyncio.wait_for(exchange(port, request), PATIENCE)
    except (OSError, IndexError, ValueError, asyncio.TimeoutError):  # noqa: UP041
        status = None
    return Reply(status, time.monotonic() - began)


async def closed_loop(port: int, request: bytes, clients: int, seconds: float, most: int) -> List[Reply]:
    """Sends requests one after the other from several clients."""
    end, replies = time.monotonic() + seconds, []  # type: ignore[var-annotated]

    async def client() -> None:
        while time.monotonic() < end and len(replies) < most:
            replies.append(await ask(port, request))

    await asyncio.gather(*(client() for _ in range(clients)))
    return replies


async def open_loop(port: int, request: bytes, rate: float, seconds: float, most: int) -> List[Reply]:
    """Sends requests at a constant rate."""
    began, tasks = time.monotonic(), []
    for i in range(min(int(rate * seconds), most)):
        await asyncio.sleep(max(began + i / rate - time.monotonic(), 0))
        tasks.append(asyncio.create_task(ask(port, request)))
    return list(await asyncio.gather(*tasks))


def memory(port: int, token: str) -> float:
    """Returns the server's own memory in MiB."""
    page = urllib.request.Request(
        f'http://{HOST}:{port}/metrics', headers={'Authorization': f'Bearer {token}'})
    with urllib.request.urlopen(page, timeout=PATIENCE) as answer:
        lines = answer.read().decode().splitlines()
    return float(next(line for line in lines if line.startswith('process_resident')).split()[1]) / 2**20


def report(name: str, replies: List[Reply], seconds: float) -> float:
    """Prints a line, and returns the answers with status 200 a second."""
    statuses = Counter(reply.status for reply in replies)
    line = f'{name}: {len(replies)} requests in {seconds:.1f} s, {len(replies) / seconds:.2f} a second'
    for status, count in sorted(statuses.items(), key=str):
        times = sorted(reply.seconds for reply in replies if reply.status == status)
        percentiles = statistics.quantiles(times, n=100, method='inclusive') if len(times) > 1 else times * 99
        line += (f'\n  {status or "lost"}: {count}, {count / seconds:.2f} a second, '
                 f'p50 {percentiles[49]:.2f} s, p99 {percentiles[98]:.2f} s')
    print(line, flush=True)
    return statuses[200] / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('video', type=Path, help='a small video')
    parser.add_argument('--port', type=int, default=8000)
    parser.add_argument('--route', default='/v1/predict')
    parser.add_argument('--token-file', type=Path, metavar='FILE', help='as for tools/serve.py')
    parser.add_argument('--clients', type=int, default=8, help='of the closed loop (default: 8)')
    parser.add_argument('--seconds', type=float, default=20., help='of each phase (default: 20; at most 300)')
    parser.add_argument('--most', type=int, default=5000, help='requests of each phase (default: 5000)')
    args = parser.parse_args()
    if not 0 < args.seconds <= 300 or not 0 < args.clients <= 256 or args.most <= 0:
        raise InputError('--seconds must be from 0 to 300, --clients from 1 to 256, and --most positive')
    token = args.token_file.read_text(encoding='utf-8').strip() if args.token_file else ''
    request = request_of(args.video.read_bytes(), args.route, token)
    warm = asyncio.run(closed_loop(args.port, request, 2, 60., 4))
    failed = [reply.status or 'missing' for reply in warm if reply.status != 200]
    if failed:
        raise InputError(f'{HOST}:{args.port}: the answer is {failed[0]} instead of 200; is it the server, '
                         'and can it read the video?')
    before = memory(args.port, token)
    began = time.monotonic()
    replies = asyncio.run(closed_loop(args.port, request, args.clients, args.seconds, args.most))
    capacity = report(f'{args.clients} clients', replies, time.monotonic() - began)
    after = memory(args.port, token)
    began = time.monotonic()
    replies = asyncio.run(open_loop(args.port, request, 2 * capacity, args.seconds, args.most))
    report(f'twice the capacity, {2 * capacity:.2f} a second', replies, time.monotonic() - began)
    print(f"the server's memory: {before:.0f} MiB, {after:.0f} MiB after the clients, "
          f'{memory(args.port, token):.0f} MiB at the end')
    others = {reply.status for reply in replies} - {200, 429}
    if others:
        raise InputError('there are requests that are lost, or have other statuses than 200 and 429: '
                         f'{others}')


if __name__ == '__main__':
    run_tool(main)
