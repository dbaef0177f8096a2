"""Re-encodes videos for fast loading: short side 256, H.264, short key-frame distance.

    python tools/data/videos.py SOURCE TARGET [--short-side 256] [--workers 8]

Every video below the folder SOURCE is written below TARGET under the same name as .mp4, upright, with the
same frames at a constant rate. (Annotated times of a video with a variable frame rate do not fit the result.)
The tool runs in parallel, and continues where it stopped after an interruption. Each file is read back before
it counts as done.
"""
import argparse
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from fractions import Fraction
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, NamedTuple, Optional

from rich.progress import Progress

from projects.cast.datasets import PyAVReader
from projects.cast.utils import InputError, list_videos, run_tool


class Job(NamedTuple):
    """One file to write; ``start`` and ``stop`` in seconds select a part of the source."""

    source: Path
    target: Path
    short_side: int = 256
    start: Optional[float] = None
    stop: Optional[float] = None


def upright(source, video) -> Iterator:
    """Yields frames as players and decord show them, with the file's rotation applied (phones write one).

    Args:
        source, video: An open PyAV container and its video stream.
    """
    from av.filter import Graph
    graph = None
    for frame in source.decode(video):
        if turns := -frame.rotation // 90 % 4:
            if graph is None:
                graph = Graph()
                quarters = [graph.add('transpose', 'clock') for _ in range(turns)]
                nodes = graph.add_buffer(template=video), *quarters, graph.add('buffersink')
                graph.link_nodes(*nodes).configure()
            graph.push(frame)
            frame = graph.pull()
        yield frame


def encode(job: Job) -> None:
    """Writes to a temporary file, reads it back, and moves it to ``job.target``.

    Raises:
        OSError, ValueError: If the source cannot be read or the target is not as it should be.
    """
    import av  # only needed here and above: pip install -e '.[data]'
    job.target.parent.mkdir(parents=True, exist_ok=True)
    part = job.target.with_suffix(f'.{os.getpid()}.part.mp4')
    try:
        with av.open(str(job.source)) as source, av.open(str(part), 'w') as target:
            if not source.streams.video:
                raise ValueError('there is no video in it')
            video = source.streams.video[0]
            zero = video.start_time or 0
            video.thread_type = 'AUTO'
            rate = Fraction(video.average_rate)
            out = target.add_stream('libx264', rate=rate, options={'crf': '20', 'g': '16'})
            first, count = job.start or 0., 0
            if first:
                source.seek(zero + int(first / video.time_base), stream=video)
            for frame in upright(source, video):
                time = float((frame.pts - zero) * video.time_base)
                if time < first - 1e-6:
                    continue
                if job.stop is not None and time >= job.stop - 1e-6:
                    break
                if not count:
                    half = job.short_side / min(frame.width, frame.height) / 2
                    size = [2 * round(half * n) for n in (frame.width, frame.height)]  # even for H.264
                    out.width, out.height, out.pix_fmt = *size, 'yuv420p'
                frame = frame.reformat(*size, format='yuv420p')
                frame.pts, frame.time_base = count, 1 / rate
                target.mux(out.encode(frame))
                count += 1
            target.mux(out.encode())
        written = len(PyAVReader(str(part))) if count else 0
        if not count or written != count:
            raise ValueError(f'{count} frames went in, {written} came out')
        os.replace(part, job.target)
    finally:
        part.unlink(missing_ok=True)


def run(jobs: Iterable[Job], workers: int, work: Callable[[Job], None] = encode) -> List[str]:
    """Runs the jobs whose targets do not exist yet, in parallel, with a progress bar.

    Returns:
        Descriptions of the failed jobs, one line each.
    """
    todo = [job for job in jobs if not job.target.is_file()]
    failed = []
    with Progress() as progress, ProcessPoolExecutor(max(workers, 1)) as pool:
        bar = progress.add_task('videos', total=len(todo))
        running = {pool.submit(work, job): job for job in todo}
        for future in as_completed(running):
            error = future.exception()
            if isinstance(error, ModuleNotFoundError):
                pool.shutdown(cancel_futures=True)
                raise InputError(f"{error}; run: pip install -e '.[data]'")
            if error is not None:
                failed.append(f'{running[future].source} -> {running[future].target}: {error}')
            progress.advance(bar)
    return failed


def finish(failed: List[str], total: int) -> None:
    """Prints the outcome.

    Raises:
        InputError: If a job failed.
    """
    print(f'{total - len(failed)} of {total} videos are there')
    if failed:
        print('\n'.join(['failed:', *failed]))
        raise InputError(f'{len(failed)} of {total} videos failed, the first: {failed[0]}; run the same '
                         'command again after mending them')


def check_size(short_side: int) -> None:
    """Rejects sizes that H.264 does not support.

    Raises:
        InputError: If the size is too small.
    """
    if short_side < 16:
        raise InputError(f'--short-side {short_side}: must be at least 16 pixels; 256 fits the configs')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('source', type=Path, help='folder of videos')
    parser.add_argument('target', type=Path, help='folder to write to')
    parser.add_argument('--short-side', type=int, default=256)
    parser.add_argument('--workers', type=int, default=os.cpu_count())
    args = parser.parse_args()
    check_size(args.short_side)
    if not args.source.is_dir():
        raise InputError(f'{args.source}: no such folder; SOURCE is the folder of the videos')
    files = list_videos(args.source)
    args.target.mkdir(parents=True, exist_ok=True)
    targets = [(args.target / p.relative_to(args.source)).with_suffix('.mp4') for p in files]
    if twice := [str(target) for target, n in Counter(targets).items() if n > 1]:
        raise InputError(f'{twice[0]}: two videos of SOURCE would be written there; rename one of them')
    jobs = [Job(*pair, args.short_side) for pair in zip(files, targets)]
    finish(run(jobs, args.workers), len(jobs))


if __name__ == '__main__':
    run_tool(main)
