"""Connections of clients that send nothing, or their headers without end."""
from typing import Any, Optional

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, which closes connections on which no request begins for some time.

    uvicorn limits the time between two requests, but not that before the first one, nor that of its headers.
    """

    patience = 10.

    def connection_made(self, transport: Any) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.wait()

    def wait(self) -> None:
        """Starts to wait for the headers of a request."""
        self.seen: Optional[Any] = self.cycle
        self.timer = self.loop.call_later(self.patience, self.look)

    def look(self) -> None:
        """Closes the connection if no request has begun since the last look, and none is answered."""
        if self.cycle is self.seen and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()
        else:
            self.wait()

    def connection_lost(self, exc: Optional[Exception]) -> None:
        self.timer.cancel()
        super().connection_lost(exc)


def serve(app: Any, host: str, port: int, connections: int, grace: int) -> None:
    """Serves an application until it is told to stop, by SIGTERM or Ctrl-C.

    Args:
        app: The application.
        host, port: Where it listens.
        connections: Open connections beyond which the answer is 503.
        grace: Seconds that requests have to end.
    """
    config = uvicorn.Config(
        app, host, port, http=PatientProtocol, ws='none', log_level='warning', access_log=False,
        server_header=False, limit_concurrency=connections, timeout_graceful_shutdown=grace, lifespan='on')
    listening = config.bind_socket()
    print(f'serving on http://{host}:{listening.getsockname()[1]}', flush=True)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()
