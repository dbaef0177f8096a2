"""Connections of clients that send nothing, or their headers without end."""
from socket import socket
from typing import Any, List, Optional

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


class Server(uvicorn.Server):
    """uvicorn's server, which says where it listens as soon as it does."""

    async def startup(self, sockets: Optional[List[socket]] = None) -> None:
        await super().startup(sockets)
        if sockets and self.started:
            print(f'serving on http://{self.config.host}:{sockets[0].getsockname()[1]}', flush=True)


def serve(app: Any, host: str, port: int, connections: int, patience: float,
          grace: int) -> None:
    """Serves an application until it is told to stop, by SIGTERM or Ctrl-C.

    Args:
        app: The application.
        host, port: Where it listens.
        connections: Open connections beyond which the answer is 503.
        patience: Seconds until a connection has sent the headers of a request.
        grace: Seconds that requests have to end.
    """
    protocol = type('Protocol', (PatientProtocol, ), dict(patience=patience))
    config = uvicorn.Config(
        app, host, port, http=protocol, ws='none', log_level='warning', access_log=False,
        server_header=False, limit_concurrency=connections, timeout_graceful_shutdown=grace, lifespan='on')
    listening = config.bind_socket()
    try:
        Server(config).run(sockets=[listening])
    finally:
        listening.close()
