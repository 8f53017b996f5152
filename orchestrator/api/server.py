"""uvicorn inside our own loop: no signal handlers, no ticking, the peer's credentials with every request, a bounded end."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import h11
import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from orchestrator.api.peers import peer_of
from orchestrator.api.problems import answer_body

log = structlog.get_logger(__name__)

KEEP_ALIVE_SECONDS = 60
SHUTDOWN_SECONDS = 3.0
LONGEST_HEAD_BYTES = 64 * 2**10


class Connections(ServerState):
    """uvicorn's state of all connections, which can also say when it changes."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = anyio.Event()

    def tell(self) -> None:
        """Called after a connection was made or lost."""
        self._changed.set()
        self._changed = anyio.Event()

    async def wait_changed(self) -> None:
        """Return once a connection was made or lost."""
        await self._changed.wait()

    async def wait_gone(self) -> None:
        """Return once no connection is open."""
        while self.connections:
            await self._changed.wait()


class Connection(H11Protocol):
    """One connection. Its requests find `peer` and `closing` in `scope["state"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask the kernel who this is, once."""
        connection = transport.get_extra_info("socket")
        peer = peer_of(connection) if connection.family == socket.AF_UNIX else None
        self.app_state = {**self.app_state, "peer": peer}
        super().connection_made(transport)
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for the end."""
        super().connection_lost(exc)
        self._tell()

    def _tell(self) -> None:
        if isinstance(self.server_state, Connections):
            self.server_state.tell()

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP at all gets the same shape of answer as every refusal."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # in the middle of an answer: nothing can be added
            self.transport.abort()
            return
        body = json.dumps(answer_body("invalid_request", msg)).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class Server(uvicorn.Server):
    """Listens from `startup` to `shutdown`.

    `uvicorn.Server.serve` is never entered: it would take the signals, which are the daemon's, and look ten times a second whether it
    is to end. Nothing of this class runs between requests.
    """

    def __init__(self, config: uvicorn.Config, *, shutdown_seconds: float) -> None:
        super().__init__(config)
        self.server_state: Connections = Connections()
        self.closing = anyio.Event()  # set when open-ended answers are to end
        self._shutdown_seconds = shutdown_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections."""
        if not self.config.loaded:
            self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        self.lifespan.state["closing"] = self.closing
        await super().startup(sockets)

    async def next_activity(self) -> None:
        """Return once a client has come or gone."""
        await self.server_state.wait_changed()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, end open-ended answers, let the others finish, and cut what is left after `shutdown_seconds`."""
        self.closing.set()
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with anyio.move_on_after(self._shutdown_seconds) as patience:
            await self.server_state.wait_gone()
            await self._wait_for_tasks()
        if patience.cancelled_caught:
            await self._cut()

    async def _wait_for_tasks(self) -> None:
        """Return once nothing is left of any request, also of those whose client has gone: what they use is torn down next."""
        if tasks := list(self.server_state.tasks):
            await asyncio.wait(tasks)

    async def _cut(self) -> None:
        connections, tasks = list(self.server_state.connections), list(self.server_state.tasks)
        log.warning("requests_cut", count=len(tasks), seconds=self._shutdown_seconds)
        for connection in connections:
            connection.transport.abort()
        await self.server_state.wait_gone()  # the next turn of the loop: an aborted transport waits for nobody
        for task in tasks:
            task.cancel()
        with anyio.move_on_after(self._shutdown_seconds):
            await self._wait_for_tasks()


def _config(app: ASGIApp) -> uvicorn.Config:
    settings: dict[str, Any] = {
        "http": Connection,
        "ws": "none",
        "lifespan": "off",
        "loop": "none",
        "interface": "asgi3",
    }
    quiet: dict[str, Any] = {"log_config": None, "log_level": "warning", "access_log": False}
    plain: dict[str, Any] = {"server_header": False, "date_header": False, "proxy_headers": False}
    return uvicorn.Config(
        app,
        **settings,
        **quiet,
        **plain,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        h11_max_incomplete_event_size=LONGEST_HEAD_BYTES,
    )


@asynccontextmanager
async def serve(
    app: ASGIApp, listener: socket.socket, *, shutdown_seconds: float = SHUTDOWN_SECONDS
) -> AsyncIterator[Server]:
    """Serve `app` on a listening socket until the block is left, however it is left; then within `shutdown_seconds` it is closed.

    `closing` of the server may be set earlier, to end open-ended answers before anything else is torn down.
    """
    server = Server(_config(app), shutdown_seconds=shutdown_seconds)
    await server.startup([listener])
    try:
        yield server
    finally:
        with anyio.CancelScope(shield=True):
            await server.shutdown([listener])
