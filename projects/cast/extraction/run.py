"""Extracts part by part; what was stopped goes on behind the parts that are complete."""
from collections import Counter
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np

from ..utils import InputError
from .clips import Clip
from .extractor import Extractor
from .reading import Batch, Job, Read, load
from .store import Arrays, Rows, Store

Result = Tuple[Batch, Arrays]


class Plan(NamedTuple):
    """Jobs, and the parts that they are written to.

    Attributes:
        jobs: Clips of each job, a batch or a video.
        parts: Indices of the jobs of each part, by its name.
    """

    jobs: List[Job]
    parts: Dict[str, List[int]]


class Step(NamedTuple):
    """What has been done since the last step.

    Attributes:
        clips: Number of clips or, with windows, of videos.
        unreadable, noted: Number of rows with an error, and of those with a note.
        parts: Names of the parts that are complete now.
    """

    clips: int
    unreadable: int
    noted: int
    parts: List[str]


def plan(clips: Sequence[Clip], shard: Tuple[int, int], per_part: int, batch_size: int) -> Plan:
    """Divides clips among shards, parts and jobs, which depend on nothing else.

    Args:
        clips: All clips, in the order of their list.
        shard: Index of this shard, from 0, and the number of shards; they take turns.
        per_part: Number of clips of a part.
        batch_size: Number of clips of a job.

    Raises:
        InputError: If there are fewer clips than shards.
    """
    first, shards = shard
    mine = clips[first::shards]
    jobs: List[Job] = []
    parts: Dict[str, List[int]] = {}
    if not mine:
        raise InputError(f'there are {len(clips)} clips for {shards} shards; take fewer')
    for k in range(0, len(mine), per_part):
        part = mine[k:k + per_part]
        new = [part[i:i + batch_size] for i in range(0, len(part), batch_size)]
        name = f'part-{first + 1:03d}-of-{shards:03d}-{k // per_part:05d}'
        parts[name] = list(range(len(jobs), len(jobs) + len(new)))
        jobs += new
    return Plan(jobs, parts)


def left(todo: Plan, store: Store, retry: bool = False) -> Plan:
    """Returns what is not complete yet and, if wanted, what has clips that could not be read."""
    return todo._replace(parts={name: jobs for name, jobs in todo.parts.items()
                                if not store.has(name) or retry and any(store.errors(name))})


def extract(todo: Plan, read: Read, extractor: Extractor, store: Store, workers: int) -> Iterator[Step]:
    """Extracts all parts of a plan, while data workers decode what comes next.

    Args:
        todo: What is to be done.
        read: Reads the clips of a job.
        extractor: Computes arrays.
        store: Where they go.
        workers: Number of processes that decode.
    """
    jobs = {job: todo.jobs[job] for jobs in todo.parts.values() for job in jobs}
    return written(todo, (computed(extractor, batch) for batch in load(jobs, read, workers)), store,
                   extractor.names)


def computed(extractor: Extractor, batch: Batch) -> Result:
    """Returns a batch without its samples, and their arrays."""
    return batch._replace(samples=[]), extractor(batch.samples) if batch.samples else {}


def written(todo: Plan, results: Iterable[Result], store: Store, names: Sequence[str]) -> Iterator[Step]:
    """Writes each part as soon as it is complete.

    Args:
        todo: What is to be done.
        results: The result of each batch of each job, in any order.
        store: Where they go.
        names: Those of all arrays, which a part without a readable clip has, too.
    """
    part_of = {job: name for name, jobs in todo.parts.items() for job in jobs}
    open_jobs = {name: set(jobs) for name, jobs in todo.parts.items()}
    held: Dict[str, Dict[Tuple[int, int], Tuple[Rows, Arrays]]] = {name: {} for name in todo.parts}
    arrived: Counter = Counter()
    batches_of: Dict[int, int] = {}  # the last batch of a job tells, which may arrive before others
    for batch, arrays in results:
        name, complete = part_of[batch.job], []
        held[name][batch.job, batch.number] = batch.rows, arrays
        arrived[batch.job] += 1
        if batch.last:
            batches_of[batch.job] = batch.number + 1
        done = arrived[batch.job] == batches_of.get(batch.job)
        if done:
            open_jobs[name].remove(batch.job)
        if not open_jobs[name]:
            store.write(name, *joined(held.pop(name)), names)
            complete.append(name)
        unreadable, noted = (sum(bool(row[key]) for row in batch.rows) for key in ('error', 'note'))
        yield Step(len(todo.jobs[batch.job]) if done else 0, unreadable, noted, complete)


def joined(batches: Dict[Tuple[int, int], Tuple[Rows, Arrays]]) -> Tuple[Rows, Arrays]:
    """Joins batches in the order of their jobs, and of their places in these."""
    found: Dict[str, Any] = {}
    rows: Rows = []
    for _, (new, arrays) in sorted(batches.items(), key=lambda item: item[0]):
        rows += new
        for name, array in arrays.items():
            found.setdefault(name, []).append(array)
    return rows, {name: np.concatenate(parts) for name, parts in found.items()}
