"""Does many jobs in several processes, shows how long they will take, and leaves out what is done."""
import multiprocessing
import os
from pathlib import Path
from typing import Callable, NamedTuple, Sequence

import torch
from mmengine.registry import init_default_scope
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Job(NamedTuple):
    """A function to be called in a process of its own, unless this is done."""

    name: str
    done: Path  # exists once the job is done
    cost: float  # compared with other jobs
    function: Callable
    arguments: tuple


def do(job: Job) -> Job:
    """Does a job with one thread; what it prints goes to a file next to its result."""
    job.done.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(job.done.with_suffix('.log'), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    torch.set_num_threads(1)
    init_default_scope('mmaction')
    job.function(*job.arguments)
    return job


def do_all(jobs: Sequence[Job], processes: int, title: str) -> None:
    """Does those jobs that are not done yet, in their order, and shows how long the others will take."""
    left = [job for job in jobs if not job.done.exists()]
    if not left:
        return
    columns = (TextColumn('{task.description}'), BarColumn(), TextColumn('{task.percentage:.0f} %,'),
               TimeElapsedColumn(), TextColumn('so far,'), TimeRemainingColumn(), TextColumn('left'))
    pool = multiprocessing.get_context('spawn').Pool(processes, maxtasksperchild=1)
    with pool, Progress(*columns) as bar:
        task = bar.add_task(f'{title}: {len(left)} of {len(jobs)}', total=sum(job.cost for job in left))
        for job in pool.imap_unordered(do, left):
            bar.advance(task, job.cost)
            bar.console.print(f'{job.name} is done')
