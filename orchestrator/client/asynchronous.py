"""The Python client that is awaited (asyncio). The same names as in `sync`, with the same meaning."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from orchestrator.client import calls
from orchestrator.client.connection import RECEIVE_BYTES, read_json
from orchestrator.client.door import Given, find_door
from orchestrator.client.following import RECONNECT_SECONDS, is_event, position
from orchestrator.client.problems import FIRST_ERROR_STATUS, read_error
from orchestrator.client.session import Patience, Session, say
from orchestrator.client.submission import Overrides, Spec, submission
from orchestrator.client.sync import PAGE, Document
from orchestrator.client.wire import Decoder, LineSplitter, Request, encode
from orchestrator.errors import NoBest, NoDaemon


class _Answer:
    """An answer whose head has arrived."""

    def __init__(self, reader: asyncio.StreamReader, decoder: Decoder, first: bytes) -> None:
        self._reader = reader
        self._decoder = decoder
        self._first = first

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises NoDaemon when it is cut off."""
        if self._first:
            yield self._first
        while not self._decoder.done:
            piece = self._decoder.feed(await _receive(self._reader))
            if piece:
                yield piece

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self.pieces()])

    async def lines(self) -> AsyncIterator[Any]:
        """The JSON values of a body with one a line."""
        splitter = LineSplitter()
        async for piece in self.pieces():
            for line in splitter.feed(piece):
                yield read_json(line)
        for line in splitter.end():
            yield read_json(line)


async def _receive(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(RECEIVE_BYTES)
    except OSError:
        return b""


async def _head(reader: asyncio.StreamReader) -> tuple[Decoder, bytes] | None:
    """The decoder behind the head, and the beginning of the body; None when no byte came back."""
    decoder, received = Decoder(), False
    first = b""
    while decoder.head is None:
        data = await _receive(reader)
        if not data and not received:
            return None
        received = True
        first = decoder.feed(data)
    return decoder, first


class _AsyncSession:
    """Requests that reach the daemon; finding and starting it happens in a thread."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def _ask(self, request: Request) -> tuple[asyncio.StreamWriter, _Answer] | None:
        connection = await asyncio.to_thread(self._session.connect)
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        try:
            writer.write(encode(request))
            head = await _head(reader)
        except BaseException:
            writer.close()
            raise
        if head is None:
            writer.close()
            return None
        decoder, first = head
        answer = _Answer(reader, decoder, first)
        if decoder.head is not None and decoder.head.status >= FIRST_ERROR_STATUS:
            try:
                raise read_error(decoder.head, await answer.read())
            finally:
                writer.close()
        return writer, answer

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[_Answer]:
        """The answer once its head is there. What got no byte back is sent once more if that is harmless."""
        asked = await self._ask(request)
        if asked is None and request.repeatable:
            asked = await self._ask(request)
        if asked is None:
            raise NoDaemon("the daemon went away before it answered")
        writer, answer = asked
        try:
            yield answer
        finally:
            writer.close()

    async def json(self, request: Request) -> Any:
        """The JSON value of the answer."""
        async with self.open(request) as answer:
            return read_json(await answer.read())

    async def lines(self, request: Request) -> AsyncIterator[Any]:
        """The JSON values of an answer with one a line, as they come."""
        async with self.open(request) as answer:
            async for line in answer.lines():
                yield line


class AsyncPart:
    """Something with a ref: an experiment, a variant, an iteration."""

    def __init__(self, session: _AsyncSession, ref: str) -> None:
        self.ref = ref
        self._session = session

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.ref!r})"

    async def document(self) -> Document:
        """All that is known about it."""
        return await self._document(calls.show(self.ref))

    async def wait(self, *, timeout_seconds: float | None = None) -> Document:
        """Return once it has ended: its `state` and `reason`. Raises TimeoutError when the time is up before.

        It outlives restarts of the daemon of up to 30 s.
        """
        async with asyncio.timeout(timeout_seconds):
            answer = await self._document(calls.wait(self.ref, timeout_seconds=0))
            while not answer["ended"]:
                answer = await self._wait_again()
            return answer

    async def _wait_again(self) -> Document:
        patience = Patience(RECONNECT_SECONDS)
        while True:
            try:
                return await self._document(calls.wait(self.ref))
            except NoDaemon:
                pause = patience.next_pause()
                if pause is None:
                    raise
                await asyncio.sleep(pause)

    async def cancel(self) -> Document:
        """Stop it for good; what has finished stays."""
        return await self._document(calls.cancel(self.ref))

    async def retry(self, *, failed_only: bool = False, accept_code: bool = False) -> Document:
        """Run again what failed or was cancelled in it; with `failed_only`, what failed; `accept_code`: with its code as it is now."""
        return await self._document(calls.retry(self.ref, failed_only=failed_only, accept_code=accept_code))

    async def logs(self, *, stream: str = "both") -> str:
        """What its evaluations printed: `out`, `err` or `both`."""
        async with self._session.open(calls.logs(self.ref, stream=stream)) as answer:
            return (await answer.read()).decode("utf-8", "replace")

    async def explain(self) -> list[Document]:
        """Why it waits."""
        reasons: list[Document] = (await self._document(calls.explain(self.ref)))["reasons"]
        return reasons

    async def why(self) -> list[Document]:
        """The decisions on record, oldest first."""
        decisions: list[Document] = (await self._document(calls.why(self.ref)))["decisions"]
        return decisions

    async def _document(self, request: Request) -> Document:
        document: Document = await self._session.json(request)
        return document


class AsyncExperiment(AsyncPart):
    """An experiment."""

    async def best(self) -> Any:
        """The best variant so far (a list for Pareto); None when there is none."""
        try:
            return await self._session.json(calls.best(self.ref))
        except NoBest:
            return None

    async def variants(self) -> list[Document]:
        """All variants with their iterations, in order."""
        found: list[Document] = []
        while True:
            after = int(found[-1]["ref"].split(".")[1]) if found else None
            page = (await self._document(calls.show(self.ref, limit=PAGE, after=after)))["variants"]
            found += page
            if len(page) < PAGE:
                return found

    async def export(self, *, form: str = "csv", timings: bool = False) -> bytes:
        """A row an iteration, as `csv` or `json`."""
        async with self._session.open(calls.export(self.ref, form=form, timings=timings)) as answer:
            return await answer.read()

    def progress(self) -> AsyncIterator[Document]:
        """Snapshots of how far it is, until it has ended or the daemon leaves."""
        return self._session.lines(calls.progress(self.ref, follow=True))

    async def report(self) -> Document:
        """What it came to, what it used, and why parts of it failed."""
        return await self._document(calls.report(self.ref))

    async def pause(self) -> Document:
        """Start nothing new of it."""
        return await self._document(calls.pause(self.ref))

    async def resume(self, *, accept_code: bool = False) -> Document:
        """Go on with it; `accept_code`: with its code as it is now."""
        return await self._document(calls.resume(self.ref, accept_code=accept_code))

    async def remove(self) -> Document:
        """Forget it."""
        return await self._document(calls.remove(self.ref))


class AsyncClient:
    """Speaks to the daemon, and starts a private one when there is none. The arguments are those of `Client`."""

    def __init__(
        self,
        socket: Given = None,
        *,
        state_directory: Given = None,
        settings_file: Given = None,
        start: bool = True,
        announce: Callable[[str], None] = say,
    ) -> None:
        door = find_door(socket, state_directory=state_directory, settings_file=settings_file, environ=os.environ)
        session = Session(door, announce=announce)
        self._session = _AsyncSession(
            session if start else session.without_start("this client was told not to start one")
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held between requests."""

    async def submit(self, spec: Spec, *, overrides: Overrides = (), key: str | None = None) -> AsyncExperiment:
        """Submit a file (a path), TOML text (any str with a line end) or a dict; on disk when this returns."""
        body = await asyncio.to_thread(submission, spec, overrides=overrides, environ=os.environ)
        answer = await self._session.json(calls.submit(body, key=key or str(uuid4())))
        return AsyncExperiment(self._session, answer["ref"])

    async def check(self, spec: Spec, *, overrides: Overrides = ()) -> Document:
        """The plan and the warnings, without running anything."""
        body = await asyncio.to_thread(submission, spec, overrides=overrides, environ=os.environ)
        return await self._document(calls.check(body))

    async def experiment(self, ref: str | int) -> AsyncExperiment:
        """The experiment with this ref or name. Raises NotFound."""
        return AsyncExperiment(self._session, str((await self._document(calls.show(ref, limit=1)))["id"]))

    def part(self, ref: str) -> AsyncPart:
        """A variant or an iteration by its ref."""
        return AsyncPart(self._session, ref)

    async def experiments(self) -> AsyncIterator[Document]:
        """All experiments, newest first."""
        after = None
        while page := await self._session.json(calls.experiments(limit=PAGE, after=after)):
            for document in page:
                yield document
            after = page[-1]["id"]

    async def events(
        self, *, since: int | None = None, follow: bool = False, experiment: int | None = None
    ) -> AsyncIterator[Document]:
        """What happened after `since`; with `follow` without end, over restarts of the daemon. Raises EventsGone."""
        patience, last = Patience(RECONNECT_SECONDS), since
        while True:
            try:
                async for line in self._session.lines(calls.events(since=last, follow=follow, experiment=experiment)):
                    patience.renew()
                    last = position(line, last)
                    if is_event(line):
                        yield line
                if not follow:
                    return
            except NoDaemon:
                if not follow or last == since:
                    raise
            pause = patience.next_pause()
            if pause is None:
                raise NoDaemon("the daemon went away and did not come back")
            await asyncio.sleep(pause)

    async def status(self) -> Document:
        """The daemon: state, slots, queue, experiments, machine, database."""
        return await self._document(calls.status())

    async def schema(self) -> Document:
        """The JSON Schema of experiment files."""
        return await self._document(calls.schema())

    async def stop(self, *, everything: bool = False) -> Document:
        """Ask the daemon to drain and leave: its `pid`."""
        return await self._document(calls.stop(everything=everything))

    async def _document(self, request: Request) -> Document:
        document: Document = await self._session.json(request)
        return document
