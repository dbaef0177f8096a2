"""What happens to a request between its first and its last byte."""
import asyncio
import hmac
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AsyncIterator, Awaitable, Callable, Iterator, List

from fastapi import FastAPI, Request

from ..apis import Names, rankings
from .batcher import Batcher, Scores
from .guard import Guard
from .metrics import Metrics
from .schema import Answer, Prediction, Predictions, Timeline, Window
from .uploads import Refused, receive

NO_SOUND = 'the video has no sound, and the model listens'


@dataclass(frozen=True)
class Settings:
    """What the server admits.

    Attributes:
        queue: Requests that are worked on or wait, in all; further ones are answered with 429.
        decoders: Videos that are decoded at a time.
        upload_seconds: How long an upload may take.
        topk: Classes of an answer, if the request does not say.
        token: What requests must carry (``Authorization: Bearer TOKEN``); empty means nothing.
        needs_sound: Whether videos without sound are refused.
    """

    queue: int = 32
    decoders: int = 2
    upload_seconds: float = 60.
    topk: int = 5
    token: str = ''
    needs_sound: bool = False


class Service:
    """Takes uploads, has them decoded and scored, and counts what happens.

    Args:
        guard: Decodes.
        batcher: Scores.
        names: Class names by task.
        settings: What is admitted.
        metrics: What is counted.
    """

    def __init__(self, guard: Guard, batcher: Batcher, names: Names, settings: Settings,
                 metrics: Metrics) -> None:
        self.guard, self.batcher, self.names = guard, batcher, names
        self.settings, self.metrics = settings, metrics
        self.admitted = 0
        self.threads = ThreadPoolExecutor(settings.decoders)
        self.folder = tempfile.TemporaryDirectory(prefix='cast-serve-')
        self.ready = False
        metrics.gauges += [
            ('cast_requests_admitted', 'Requests that are worked on or wait.', lambda: self.admitted),
            ('cast_samples_waiting', 'Samples that wait for the model.', lambda: len(batcher.waiting))]

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Runs from the first to the last request."""
        self.batcher.start()
        self.ready = True
        yield
        self.ready = False
        await self.batcher.stop()
        self.threads.shutdown(cancel_futures=True)
        self.folder.cleanup()

    def check_token(self, request: Request) -> None:
        """Refuses a request without the token."""
        given = request.headers.get('authorization', '')
        if self.settings.token and not hmac.compare_digest(
                given.encode(), f'Bearer {self.settings.token}'.encode()):
            raise Refused(401, 'unauthorized', 'send the header Authorization: Bearer TOKEN')

    async def with_upload(self, request: Request, work: Callable[[str], Awaitable[Any]]) -> Any:
        """Takes an upload, and works on it, in a folder that is removed afterwards whatever happens."""
        self.check_token(request)
        if self.admitted >= self.settings.queue:
            raise Refused(429, 'busy', f'{self.admitted} requests are being worked on; try again later')
        self.admitted += 1
        try:
            with tempfile.TemporaryDirectory(dir=self.folder.name) as folder:
                path = str(Path(folder) / 'upload')
                with self.metrics.timed('upload'):
                    await receive(request, path, self.guard.limits.bytes, self.settings.upload_seconds)
                return await work(path)
        finally:
            self.admitted -= 1

    async def predict(self, path: str, topk: int) -> Answer:
        """Returns the best classes of a video."""
        loop = asyncio.get_running_loop()
        with self.metrics.timed('decode'):
            sample = await loop.run_in_executor(self.threads, self.guard.clip, path)
        if self.settings.needs_sound and sample['data_samples'].get('no_sound'):
            raise Refused(422, 'no sound', NO_SOUND)
        with self.metrics.timed('score'):
            return Answer(predictions=self.best(await self.batcher(sample), topk))

    async def timeline(self, path: str, length: float, stride: float, topk: int) -> Timeline:
        """Returns the best classes of each window of a video."""
        loop, silent = asyncio.get_running_loop(), 0
        found: List[Window] = []
        windows = self.guard.windows(path, length, stride)
        try:
            while batch := await loop.run_in_executor(
                    self.threads, take, windows, self.batcher.max_batch):
                scores = await asyncio.gather(*(self.batcher(sample) for *_, sample in batch))
                found += [Window(start=start, stop=stop, predictions=self.best(score, topk))
                          for (start, stop, _), score in zip(batch, scores)]
                silent += sum(bool(sample['data_samples'].get('no_sound')) for *_, sample in batch)
        finally:
            await loop.run_in_executor(self.threads, windows.close)  # type: ignore[attr-defined]
        if self.settings.needs_sound and silent == len(found):
            raise Refused(422, 'no sound', NO_SOUND)
        return Timeline(windows=found)

    def best(self, scores: Scores, topk: int) -> Predictions:
        """Returns the best classes by task."""
        return {task: [Prediction(label=label, probability=p) for label, p in ranking]
                for task, ranking in rankings(scores, self.names, topk).items()}


def take(items: Iterator[Any], count: int) -> List[Any]:
    """Returns the next items."""
    return [item for _, item in zip(range(count), items)]
