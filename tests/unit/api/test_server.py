"""Claims about the embedded server, over a real Unix socket."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import h11
import pytest
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.api.answers import Answer
from orchestrator.api.server import Server, serve
from orchestrator.api.socket import bind
from orchestrator.api.streams import Pieces, StreamedAnswer, unless_leaving
from tests.support.calling import Caller, ask, calling

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def served(app: ASGIApp, path: Path, *, shutdown_seconds: float = 5.0) -> AsyncIterator[Server]:
    with bind(path) as listener, anyio.fail_after(30):
        async with serve(app, listener, shutdown_seconds=shutdown_seconds) as server:
            yield server


@pytest.fixture
def path(private_places: Path) -> Path:
    return private_places / "run" / "s"


async def who(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the peer's pid and uid."""
    peer = Request(scope).state.peer
    await Answer([peer.pid, peer.uid])(scope, receive, send)


class Endless:
    """Answers with a line, then nothing more; knows whether its generator was left."""

    def __init__(self, *, follows: bool = True) -> None:
        self.left = anyio.Event()
        self._follows = follows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await StreamedAnswer(self._pieces(), media_type="text/plain", follows=self._follows)(scope, receive, send)

    async def _pieces(self) -> Pieces:
        try:
            yield b"begun\n"
            await anyio.sleep_forever()
        finally:
            self.left.set()


async def test_every_request_knows_its_peer(path: Path) -> None:
    """The kernel's word on who connected is in the state of the request, also of the second one on a connection."""
    async with served(who, path), calling(path) as caller:
        for _ in range(2):
            assert (await caller.ask("GET", "/")).json == [os.getpid(), os.getuid()]


async def test_signals_stay_with_the_daemon(path: Path) -> None:
    """Serving changes no signal handler."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    async with served(who, path):
        await ask(path, "GET", "/")
        assert [signal.getsignal(number) for number in numbers] == before


async def test_open_ended_answer_ends_in_order_when_the_door_closes(path: Path) -> None:
    """A follower gets the end of its answer, not a cut connection, and the server leaves at once."""
    endless = Endless()
    async with served(endless, path) as server, calling(path) as caller:
        await caller.send("GET", "/")
        await caller.head()
        pieces = caller.pieces()
        assert await anext(pieces) == b"begun\n"
        server.closing.set()
        assert [piece async for piece in pieces] == []
    assert endless.left.is_set()


async def test_waiting_request_is_answered_when_the_door_closes(path: Path) -> None:
    """Work that waits for something is given up, and its request answered."""
    began = anyio.Event()

    async def forever() -> str:
        began.set()
        await anyio.sleep_forever()
        return "never"

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        result = await unless_leaving(Request(scope, receive), forever)
        await Answer({"result": result})(scope, receive, send)

    async with served(waiting, path) as server, calling(path) as caller:
        await caller.send("GET", "/")
        await began.wait()
        server.closing.set()
        await caller.head()
        assert b"".join([piece async for piece in caller.pieces()]) == b'{"result":null}'


async def test_generator_is_left_when_the_client_leaves(path: Path) -> None:
    """A follower that goes away leaves nothing running."""
    endless = Endless()
    async with served(endless, path) as server:
        async with calling(path) as caller:
            await caller.send("GET", "/")
            await caller.head()
        await server.server_state.wait_gone()
    assert endless.left.is_set()


async def test_stuck_answer_cannot_keep_the_server(path: Path) -> None:
    """What does not end by itself is cut after the time that was given, and the client notices the missing end."""
    endless = Endless(follows=False)
    async with calling_stuck(endless, path) as pieces:
        with pytest.raises(h11.RemoteProtocolError):
            await anext(pieces)
    assert endless.left.is_set()


@asynccontextmanager
async def calling_stuck(app: ASGIApp, path: Path) -> AsyncIterator[AsyncIterator[bytes]]:
    """The rest of an answer whose server has gone."""
    async with served(app, path, shutdown_seconds=0.05):
        stream = await anyio.connect_unix(path)
        caller = Caller(stream)
        await caller.send("GET", "/")
        await caller.head()
        pieces = caller.pieces()
        assert await anext(pieces) == b"begun\n"
    async with stream:
        yield pieces


async def test_answer_under_way_is_finished_before_the_server_leaves(path: Path) -> None:
    """A request that was being served gets its whole answer."""
    began, go_on = anyio.Event(), anyio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        began.set()
        await go_on.wait()
        await Answer("done")(scope, receive, send)

    async with anyio.create_task_group() as tasks:

        async def client() -> None:
            assert (await ask(path, "GET", "/")).json == "done"

        async def release() -> None:
            await server.closing.wait()
            go_on.set()

        async with served(slow, path) as server:
            tasks.start_soon(client)
            await began.wait()
            tasks.start_soon(release)


async def test_idle_connection_does_not_keep_the_server(path: Path) -> None:
    """A client that is connected and silent is closed at once."""
    with bind(path) as listener, anyio.fail_after(5):
        async with calling(path) as caller:
            async with serve(who, listener, shutdown_seconds=3600):
                await caller.ask("GET", "/")
            assert await anext(aiter(caller.stream), b"") == b""


async def test_what_is_no_http_gets_a_refusal_in_the_one_shape(path: Path) -> None:
    """Bytes that are no request are answered with 400 and the code of an invalid request."""
    async with served(who, path), await anyio.connect_unix(path) as stream:
        await stream.send(b"hello\r\n\r\n")
        answer = b""
        async for piece in stream:
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code": "invalid_request"' in answer


async def test_coming_and_going_is_activity(path: Path) -> None:
    """`next_activity` returns when a client connects and when it leaves."""
    async with served(who, path) as server:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.next_activity)
            await anyio.lowlevel.checkpoint()
            stream = await anyio.connect_unix(path)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.next_activity)
            await anyio.lowlevel.checkpoint()
            await stream.aclose()
        assert not server.server_state.connections


async def test_server_is_closed_when_its_block_fails(path: Path) -> None:
    """An error inside the block closes the server as well, and is passed on."""
    with pytest.raises(LookupError):
        async with served(who, path):
            raise LookupError
    with pytest.raises(OSError):
        await anyio.connect_unix(path)
