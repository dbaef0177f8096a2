"""A model over HTTP: the routes, and what happens to a request between its first and its last byte."""
import asyncio
import hmac
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, Iterator, List, Optional

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ..apis import Names, rankings
from .batcher import Batcher, Scores
from .guard import Guard
from .limits import VideoRefused
from .metrics import Metrics
from .uploads import Refused, drain, receive

STATUS = {'too large': 413}  # of a video that is refused; the others have 422
DISCONNECTED = 499
WINDOWS = 2000  # that a timeline may have
NO_SOUND = 'the video has no sound, and the model listens'
FORM = dict(requestBody=dict(required=True, content={'multipart/form-data': dict(schema=dict(
    type='object', required=['video'], properties=dict(video=dict(type='string', format='binary'))))}))


class Prediction(BaseModel):
    """A class and its probability."""

    label: str
    probability: float


Predictions = Dict[str, List[Prediction]]


class Answer(BaseModel):
    """The best classes by task: verb, noun and action, or one of them."""

    predictions: Predictions


class Window(Answer):
    """The best classes of a part of the video, in seconds."""

    start: float
    stop: float


class Timeline(BaseModel):
    """All windows, in order."""

    windows: List[Window]


class Error(BaseModel):
    """Why there is no answer."""

    kind: str
    message: str


class ErrorAnswer(BaseModel):
    """An error."""

    error: Error


class Health(BaseModel):
    """Whether the server runs, and whether it can answer."""

    live: bool
    ready: bool


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
                with self.timed('upload'):
                    await receive(request, path, self.guard.limits.bytes, self.settings.upload_seconds)
                return await work(path)
        finally:
            self.admitted -= 1

    def timed(self, part: str) -> 'Timer':
        """Returns a context that measures a part of a request."""
        return Timer(self.metrics, part)

    async def predict(self, path: str, topk: int) -> Answer:
        """Returns the best classes of a video."""
        loop = asyncio.get_running_loop()
        with self.timed('decode'):
            sample = await loop.run_in_executor(self.threads, self.guard.clip, path)
        if self.settings.needs_sound and sample['data_samples'].get('no_sound'):
            raise Refused(422, 'no sound', NO_SOUND)
        with self.timed('score'):
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


class Timer:
    """Measures a part of a request, also if it fails."""

    def __init__(self, metrics: Metrics, part: str) -> None:
        self.metrics, self.part = metrics, part

    def __enter__(self) -> None:
        self.began = time.monotonic()

    def __exit__(self, *error) -> None:
        self.metrics.seconds.add(self.part, time.monotonic() - self.began)


def take(items: Iterator[Any], count: int) -> List[Any]:
    """Returns the next items."""
    return [item for _, item in zip(range(count), items)]


def create_app(service: Service) -> FastAPI:
    """Returns the application."""
    # the pages with the schema would load scripts from other hosts
    app = FastAPI(title='CAST', docs_url=None, redoc_url=None, lifespan=service.lifespan,
                  description='Actions in videos, by models of projects.cast.')
    metrics, settings = service.metrics, service.settings
    errors: Any = {status: dict(model=ErrorAnswer) for status in (400, 401, 408, 413, 415, 422, 429, 500)}
    topk = Query(settings.topk, ge=1, le=100, description='Number of classes of each task.')

    @app.post('/v1/predict', responses=errors, openapi_extra=FORM)
    async def predict(request: Request, topk: int = topk) -> Answer:
        """Returns the best classes of the whole video, by the views of the config's test pipeline."""
        return await service.with_upload(request, lambda path: service.predict(path, topk))

    @app.post('/v1/timeline', responses=errors, openapi_extra=FORM)
    async def timeline(
            request: Request,
            window: float = Query(2., ge=0.1, le=60., description='Length of a window in seconds.'),
            stride: float = Query(1., ge=0.05, le=60., description='From the start of one to the next.'),
            topk: int = topk) -> Timeline:
        """Returns the best classes of overlapping windows, by the view of the config's val pipeline."""
        if service.guard.limits.seconds / stride > WINDOWS:
            raise Refused(422, 'bad request', f'a timeline has up to {WINDOWS} windows; choose a stride of '
                          f'at least {service.guard.limits.seconds / WINDOWS:g} s')
        return await service.with_upload(
            request, lambda path: service.timeline(path, window, stride, topk))

    @app.get('/health', responses={503: dict(model=Health)})
    async def health() -> Health:
        """Answers 503 while the server starts or stops."""
        found = Health(live=True, ready=service.ready)
        return found if found.ready else JSONResponse(found.model_dump(), 503)  # type: ignore[return-value]

    @app.get('/metrics', response_class=PlainTextResponse)
    async def numbers(request: Request) -> str:
        """Returns what Prometheus reads."""
        service.check_token(request)
        return metrics.text()

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return error_answer(500, 'error', 'the server failed; its log has the reason', close=True)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        await drain(request)
        return error_answer(error.status, error.kind, error.message, close=True)

    @app.exception_handler(VideoRefused)
    async def video_refused(request: Request, error: VideoRefused) -> JSONResponse:
        metrics.refused.add(error.kind)
        return error_answer(STATUS.get(error.kind, 422), error.kind, str(error))

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> JSONResponse:
        return error_answer(DISCONNECTED, 'disconnected', 'the client has gone')

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        await drain(request)
        first = error.errors()[0]
        where = '.'.join(map(str, first['loc'][1:]))
        return error_answer(422, 'bad request', f'{where}: {first["msg"]}', close=True)

    @app.exception_handler(HTTPException)
    async def wrong(request: Request, error: HTTPException) -> JSONResponse:
        await drain(request)
        return error_answer(error.status_code, 'bad request', str(error.detail), close=True)

    app.add_middleware(Counting, metrics=metrics)
    return app


class Counting:
    """Counts the answers of the model and their seconds."""

    def __init__(self, app: Any, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Dict[str, Any], receive: Any, send: Any) -> None:
        if not scope.get('path', '').startswith('/v1/'):
            return await self.app(scope, receive, send)
        began, status = time.monotonic(), 500  # if nothing is sent

        async def counted(message: Dict[str, Any]) -> None:
            nonlocal status
            status = message.get('status', status)
            await send(message)

        try:
            await self.app(scope, receive, counted)
        finally:
            self.metrics.requests.add(str(status))
            self.metrics.seconds.add('request', time.monotonic() - began)


def error_answer(status: int, kind: str, message: str, close: bool = False) -> JSONResponse:
    """Returns an error in the form that all errors have."""
    headers: Dict[str, str] = {}
    if status == 429:
        headers['Retry-After'] = '1'
    if close:  # the rest of the upload is not read
        headers['Connection'] = 'close'
    return JSONResponse(dict(error=dict(kind=kind, message=message)), status, headers)


def token_of(path: Optional[str]) -> str:
    """Returns the token in a file."""
    return Path(path).read_text(encoding='utf-8').strip() if path else ''
