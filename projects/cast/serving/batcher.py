"""Batches across requests."""
import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Deque, Dict, List, NamedTuple, Optional

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from ..export import Recognizer
from ..utils import scores_by_task
from .metrics import Metrics

Sample = Dict[str, Any]
Scores = Dict[str, Tensor]


class Waiting(NamedTuple):
    """A sample, where its scores go, and since when it has been waiting."""

    sample: Sample
    scores: 'asyncio.Future[Scores]'
    since: float


class Batcher:
    """Scores samples of several requests together.

    A batch is scored as soon as it is full, or as its first sample has waited long enough. While the model
    is at work, samples wait for the next batch. Their number is limited by whoever admits requests.

    Args:
        model: A model, on its device, or an exported one.
        max_batch: Most samples that the model sees at a time.
        max_wait: Seconds that a sample waits for others.
        metrics: Where the sizes of batches are counted.
    """

    def __init__(self, model: Recognizer, max_batch: int, max_wait: float, metrics: Metrics) -> None:
        self.model, self.max_batch, self.max_wait, self.metrics = model, max_batch, max_wait, metrics
        self.waiting: Deque[Waiting] = deque()
        self.thread = ThreadPoolExecutor(1)
        self.task: Optional[asyncio.Task] = None

    def start(self) -> None:
        """Starts scoring, in the running event loop."""
        self.filled, self.full = asyncio.Event(), asyncio.Event()
        self.task = asyncio.get_running_loop().create_task(self.run())

    async def stop(self) -> None:
        """Stops scoring."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        self.thread.shutdown()

    async def __call__(self, sample: Sample) -> Scores:
        """Returns the probabilities ``(classes, )`` of a sample by task.

        Raises:
            Exception: Whatever the model raises for this sample.
        """
        scores = asyncio.get_running_loop().create_future()
        self.waiting.append(Waiting(sample, scores, time.monotonic()))
        self.filled.set()
        if len(self.waiting) >= self.max_batch:
            self.full.set()
        return await scores

    async def run(self) -> None:
        """Scores batches without end."""
        loop = asyncio.get_running_loop()
        while True:
            batch = [item for item in await self.collect() if not item.scores.done()]
            for part in by_shape(batch):
                found = await loop.run_in_executor(self.thread, self.score, [item.sample for item in part])
                for item, scores in zip(part, found):
                    if item.scores.done():  # nobody waits any more
                        continue
                    if isinstance(scores, Exception):
                        item.scores.set_exception(scores)
                    else:
                        item.scores.set_result(scores)

    async def collect(self) -> List[Waiting]:
        """Returns the samples of the next batch, once there are enough or they have waited enough."""
        await self.filled.wait()
        left = self.waiting[0].since + self.max_wait - time.monotonic()
        if len(self.waiting) < self.max_batch and left > 0:
            self.full.clear()
            try:
                await asyncio.wait_for(self.full.wait(), left)
            except asyncio.TimeoutError:  # noqa: UP041  not the same in Python 3.10
                pass
        batch = [self.waiting.popleft() for _ in range(min(len(self.waiting), self.max_batch))]
        if not self.waiting:
            self.filled.clear()
        return batch

    def score(self, samples: List[Sample]) -> List[Any]:
        """Returns the scores of samples, or the error of each sample that the model cannot read."""
        try:
            found = self.predict(samples)
        except Exception as error:  # one sample must not spoil those of other requests
            if len(samples) == 1:
                return [error]
            return [scores for sample in samples for scores in self.score([sample])]
        self.metrics.batches.add('recognizer', len(samples))
        return found

    @torch.no_grad()
    def predict(self, samples: List[Sample]) -> List[Scores]:
        """Returns the scores of samples of the same shape."""
        return [{task: part.float().cpu() for task, part in scores_by_task(sample.pred_score).items()}
                for sample in self.model.test_step(pseudo_collate(samples))]


def by_shape(batch: List[Waiting]) -> List[List[Waiting]]:
    """Splits a batch into those that a model can read together."""
    parts: Dict[Any, List[Waiting]] = {}
    for item in batch:
        inputs = item.sample['inputs']
        inputs = inputs if isinstance(inputs, dict) else dict(imgs=inputs)
        parts.setdefault(tuple((key, tuple(t.shape)) for key, t in inputs.items()), []).append(item)
    return list(parts.values())
