"""Decodes clips in the background, in batches that do not depend on what was done before."""
import sys
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Sequence

from mmengine.dataset import Compose
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from ..datasets import VideoError, WindowReader
from ..utils import InputError, library
from .clips import Clip


class Batch(NamedTuple):
    """What a model sees at a time.

    Attributes:
        job: Index of the job that it belongs to.
        number: Its place among the batches of the job, from 0.
        rows: ``id``, ``video``, ``start``, ``stop``, ``error`` and ``note`` of each row that is written.
            ``error`` says why a video cannot be read, and ``note`` what is missing of one that can.
        samples: Output of the pipeline for each row without an error.
        last: Whether the job ends here.
    """

    job: int
    number: int
    rows: List[Dict[str, Any]]
    samples: List[Dict[str, Any]]
    last: bool


NOTES = dict(no_sound='has no sound, so that the model heard silence',
             damaged_sound='a part of its sound cannot be decoded')
Job = Sequence[Clip]
Read = Callable[[int, Job], Iterator[Batch]]


def row_of(clip: Clip, error: str = '', **values: Any) -> Dict[str, Any]:
    """Returns a row without its arrays."""
    row = dict(id=clip.id, video=clip.file, start=clip.start, stop=clip.stop, error=error, note='')
    return {**row, **values}


def note_of(sample: Dict[str, Any]) -> str:
    """Returns what the transforms say about a sample, such as that there is no sound."""
    return ', '.join(text for key, text in NOTES.items() if sample['data_samples'].get(key))


class ClipReader:
    """Reads each clip by a pipeline; a job is a batch of clips.

    Args:
        pipeline: Configs of the transforms.
    """

    def __init__(self, pipeline: List[dict]) -> None:
        self.pipeline = Compose(pipeline)

    def __call__(self, job: int, clips: Job) -> Iterator[Batch]:
        rows, samples = [], []
        for clip in clips:
            try:
                samples.append(self.pipeline(clip.sample()))
                rows.append(row_of(clip, note=note_of(samples[-1])))
            except VideoError as error:
                rows.append(row_of(clip, ' '.join(str(error).split())))
        yield Batch(job, 0, rows, samples, True)


class SlidingReader:
    """Reads overlapping windows of a video, of which each frame is decoded once; a job is a video.

    Args:
        pipeline, length, stride: See :class:`WindowReader`.
        batch_size: Number of windows of a batch.

    Raises:
        InputError: If PyAV is not installed.
    """

    def __init__(self, pipeline: List[dict], length: float, stride: float, batch_size: int) -> None:
        library('av', '--window', "pip install -e '.[data]'")  # no video would be readable
        self.reader, self.batch_size = WindowReader(pipeline, length, stride), batch_size
        self.uncovered = 1 + max(stride, length / 2)  # seconds that may follow the last window

    def __call__(self, job: int, clips: Job) -> Iterator[Batch]:
        rows: List[Dict[str, Any]] = []
        samples: List[Dict[str, Any]] = []
        clip, number = clips[0], 0
        try:
            with self.reader.open(clip.file) as stream:
                for start, stop, sample in self.reader(stream):
                    if len(rows) == self.batch_size:
                        yield Batch(job, number, rows, samples, False)
                        rows, samples, number = [], [], number + 1
                    name = f'{clip.id}@{start:.3f}-{stop:.3f}'
                    rows.append(row_of(clip, id=name, start=start, stop=stop, note=note_of(sample)))
                    samples.append(sample)
            if not stream.complete:
                rows.append(row_of(clip, f'{clip.file}: is damaged; nothing could be read behind this place'))
            elif not rows:
                rows.append(row_of(clip, f'{clip.file}: has no pictures'))
            elif (stream.seconds or 0) - rows[-1]['stop'] > self.uncovered:
                end = f'has {stream.seconds:.1f} s, but no pictures behind this window'
                rows[-1]['note'] = ', '.join(filter(None, (rows[-1]['note'], end)))
        except InputError as error:
            rows.append(row_of(clip, str(error)))
        yield Batch(job, number, rows, samples, True)


class Jobs(IterableDataset):
    """Jobs, of which each data worker does its share in order.

    Args:
        jobs: The clips of each job by its index.
        read: Reads a job.
    """

    def __init__(self, jobs: Dict[int, Job], read: Read) -> None:
        self.jobs, self.read = jobs, read

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for job, clips in list(self.jobs.items())[first::step]:
            yield from self.read(job, clips)


def first_of(batches: List[Batch]) -> Batch:
    """Returns the only batch of a list, as the loader needs it."""
    return batches[0]


def hand_over_quietly(worker: int) -> None:
    """Keeps a data worker from printing a traceback when the keyboard stops the reader of its tensors.

    Only the thread of ``multiprocessing`` that hands over tensors uses this hook; errors of the worker itself
    are sent to the reader.
    """
    sys.excepthook = lambda *error: None


def load(jobs: Dict[int, Job], read: Read, workers: int, ahead: int = 2) -> DataLoader:
    """Returns a loader of the batches of all jobs; those of a job are in order.

    Args:
        jobs, read: See :class:`Jobs`.
        workers: Number of processes that decode, or 0 to decode in this one.
        ahead: Number of batches that each of them has ready.
    """
    return DataLoader(Jobs(jobs, read), batch_size=1, collate_fn=first_of, num_workers=workers,
                      prefetch_factor=ahead if workers else None, worker_init_fn=hand_over_quietly)
