"""Does many jobs in several processes, shows how long they will take, and leaves out what is done."""
import fcntl
import hashlib
import json
import multiprocessing
import os
import signal
import threading
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Sequence

import torch
from mmengine.registry import init_default_scope
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from projects.cast.engine import AtomicBackend
from projects.cast.utils import InputError

A_DAY = 86400.  # seconds


def write_json(file: Path, value: Any) -> None:
    """Writes a result that is either complete or not there."""
    AtomicBackend().put((json.dumps(value, indent=1) + '\n').encode(), str(file))


class Job(NamedTuple):
    """A function to be called in a process of its own, unless this is done.

    Attributes:
        name: What is shown.
        done: A file that exists once the job is done.
        cost: How long it takes, compared with other jobs.
        function, arguments: What to call.
        key: What the result depends on; see :func:`key_of`.
    """

    name: str
    done: Path
    cost: float
    function: Callable
    arguments: tuple
    key: str = ''


def key_of(*parts: Any) -> str:
    """Returns a short key of settings, by their text."""
    return hashlib.sha1(repr(parts).encode()).hexdigest()[:12]


def check_key(file: Path, key: str) -> None:
    """Notes the settings of a result next to it, or compares them with those it was begun with.

    Raises:
        InputError: If they were others.
    """
    note = file.with_suffix('.key')
    if not note.exists():
        if file.exists():
            raise InputError(f'{file}: nothing says with which settings it was made; delete it')
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(key)
    elif note.read_text() != key:
        what = file.parent if file.name == 'result.json' else f'it and {note.name}'
        raise InputError(f'{file}: was made or begun with other settings or by another version of the study; '
                         f'delete {what}')


def die_with(parent: int) -> None:
    """Leaves Ctrl-C to the parent, and ends this process soon after the parent was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keeps other processes from working in a folder.

    Raises:
        InputError: If there is one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / 'lock').open('w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f'{folder}: another study is running in it; wait, or choose another') from error
        yield


def do(job: Job) -> None:
    """Does a job with one thread; what it prints, and its error, go to a file next to its result."""
    log = os.open(job.done.with_suffix('.log'), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    torch.set_num_threads(1)
    init_default_scope('mmaction')
    try:
        job.function(*job.arguments)
    except Exception:
        traceback.print_exc()
        raise


def do_all(steps: Mapping[str, Sequence[Job]], processes: int) -> None:
    """Does the jobs that are not done yet, and shows how long they will take.

    If one fails, or a process is killed, those that have begun are finished, and the error is raised. Ctrl-C
    ends them at once.

    Args:
        steps: Jobs by the title of their step; no step begins before the last one is complete.
        processes: Number of jobs that are done at the same time.
    """
    left = {}
    for title, jobs in steps.items():
        for job in jobs:
            if job.done.exists() or job.done.with_suffix('.key').exists():
                check_key(job.done, job.key)
        left[title] = [job for job in jobs if not job.done.exists()]
    total = sum(job.cost for jobs in left.values() for job in jobs)
    columns = (TextColumn('{task.description}'), BarColumn(), TextColumn('{task.percentage:.0f} % of all,'),
               TimeElapsedColumn(), TextColumn('so far,'), TimeRemainingColumn(), TextColumn('left'))
    if total:
        with Progress(*columns, speed_estimate_period=A_DAY) as bar:
            task = bar.add_task('', total=total)
            for title, jobs in left.items():
                bar.update(task, description=f'{title}: {len(jobs)} of {len(steps[title])}')
                do_step(jobs, processes, bar, task)


def do_step(jobs: Sequence[Job], processes: int, bar: Progress, task: TaskID) -> None:
    """Does jobs in their order, and moves a bar by their costs; see :func:`do_all`."""
    for job in jobs:
        check_key(job.done, job.key)
    with ProcessPoolExecutor(processes, multiprocessing.get_context('spawn'), initializer=die_with,
                             initargs=(os.getpid(), )) as pool:
        try:
            futures = {pool.submit(do, job): job for job in jobs}
            try:
                for future in as_completed(futures):
                    job = futures[future]
                    if future.exception():
                        bar.console.print(f'{job.name} has failed, see {job.done.with_suffix(".log")}')
                    future.result()
                    bar.advance(task, job.cost)
                    bar.console.print(f'{job.name} is done')
            except Exception:
                pool.shutdown(cancel_futures=True)
                raise
        except KeyboardInterrupt:  # which the pool would answer by doing all jobs first
            for process in multiprocessing.active_children():
                process.terminate()
            raise
