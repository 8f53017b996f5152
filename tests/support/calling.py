"""HTTP/1.1 over a Unix socket for tests: whole answers, answers as they come, and bytes that are no HTTP at all."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import h11
from anyio.abc import SocketStream


@dataclass
class Reply:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a refusal; fails when the answer has not the shape of one."""
        error = self.json["error"]
        assert set(error) == {"code", "message", "hint", "problems"}
        assert error["message"]
        return str(error["code"])


@dataclass
class Caller:
    """One connection; requests one after the other."""

    stream: SocketStream
    _connection: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT))

    async def send(self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Send one request."""
        lines = {"Host": "test", **(headers or {})}
        if body:
            lines = {"Content-Length": str(len(body)), "Content-Type": "application/json", **lines}
        request = h11.Request(method=method, target=path, headers=list(lines.items()))
        data = self._connection.send(request) or b""
        data += self._connection.send(h11.Data(data=body)) or b"" if body else b""
        await self.stream.send(data + (self._connection.send(h11.EndOfMessage()) or b""))

    async def event(self) -> h11.Event | type[h11.PAUSED]:
        """The next part of an answer."""
        while (event := self._connection.next_event()) is h11.NEED_DATA:
            try:
                received = await self.stream.receive()
            except anyio.EndOfStream:
                received = b""
            self._connection.receive_data(received)
        assert not isinstance(event, type) or event is h11.PAUSED
        return event

    async def head(self) -> h11.Response:
        """The beginning of an answer."""
        event = await self.event()
        assert isinstance(event, h11.Response), event
        return event

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, until its proper end; raises h11.RemoteProtocolError when it is cut."""
        while not isinstance(event := await self.event(), h11.EndOfMessage):
            assert isinstance(event, h11.Data), event
            yield bytes(event.data)
        if self._connection.their_state is h11.DONE:
            self._connection.start_next_cycle()

    async def lines(self) -> AsyncIterator[Any]:
        """The body's lines as JSON, as they come."""
        rest = b""
        async for piece in self.pieces():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield json.loads(line)
        assert rest == b"", "the last line does not end"

    async def ask(self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
        """A request and its whole answer."""
        await self.send(method, path, body=body, headers=headers)
        head = await self.head()
        names = {name.decode().lower(): value.decode() for name, value in head.headers}
        return Reply(head.status_code, names, b"".join([piece async for piece in self.pieces()]))


@asynccontextmanager
async def calling(path: Path) -> AsyncIterator[Caller]:
    """A connection to a socket."""
    async with await anyio.connect_unix(path) as stream:
        yield Caller(stream)


async def ask(path: Path, method: str, target: str, body: Any = None, **headers: str) -> Reply:
    """One request on a connection of its own; `body` is sent as JSON, bytes as they are."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    async with calling(path) as caller:
        return await caller.ask(method, target, body=data, headers=headers)
