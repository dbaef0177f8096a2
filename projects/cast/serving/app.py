"""A model over HTTP: the routes, and the form of errors."""
from typing import Any, Dict

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from .limits import VideoRefused
from .metrics import Metrics
from .schema import Answer, ErrorAnswer, Health, Timeline
from .service import Service
from .uploads import Refused, drain

STATUS = {'too large': 413}  # of a video that is refused; the others have 422
DISCONNECTED = 499
WINDOWS = 2000  # that a timeline may have
FORM = dict(requestBody=dict(required=True, content={'multipart/form-data': dict(schema=dict(
    type='object', required=['video'], properties=dict(video=dict(type='string', format='binary'))))}))


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

    @app.post('/v1/timeline', responses={**errors, 501: dict(model=ErrorAnswer)}, openapi_extra=FORM)
    async def timeline(
            request: Request,
            window: float = Query(2., ge=0.1, le=60., description='Length of a window in seconds.'),
            stride: float = Query(1., ge=0.05, le=60., description='From the start of one to the next.'),
            topk: int = topk) -> Timeline:
        """Returns the best classes of overlapping windows, by the view of the config's val pipeline."""
        if service.guard.no_windows:
            raise Refused(501, 'no timeline', 'the config of this model has no pipeline that reads windows')
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
        status = 500  # if nothing is sent

        async def counted(message: Dict[str, Any]) -> None:
            nonlocal status
            status = message.get('status', status)
            await send(message)

        try:
            with self.metrics.timed('request'):
                await self.app(scope, receive, counted)
        finally:
            self.metrics.requests.add(str(status))


def error_answer(status: int, kind: str, message: str, close: bool = False) -> JSONResponse:
    """Returns an error in the form that all errors have."""
    headers: Dict[str, str] = {}
    if status == 429:
        headers['Retry-After'] = '1'
    if close:  # the rest of the upload is not read
        headers['Connection'] = 'close'
    return JSONResponse(dict(error=dict(kind=kind, message=message)), status, headers)
