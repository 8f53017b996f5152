"""The daemon's side of the keeper: one process, one connection, and what is under way on it."""

import asyncio
import contextlib
import json
import shutil
import signal
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, cast

import anyio
import anyio.abc

from orchestrator.errors import ExecutorUnusable
from orchestrator.worker import keeper_system
from orchestrator.worker.keeper_protocol import VERSION, Lines, Message, encode

BERTHS = "berths"  # below the private folder: the files of what runs
HELLO_SECONDS = 10.0
LEAVE_SECONDS = 5.0
SWEEP_SECONDS = 5.0

_MODULE = "orchestrator.worker.keeper"
_PACKAGES = str(Path(__file__).resolve().parents[2])


@dataclass(slots=True, eq=False)
class Ticket:
    """Evaluations that were sent together, and what has been said of them. `settled` is set when nothing more will be."""

    tokens: tuple[str, ...]  # in the order they were sent
    open: set[str]
    started: dict[str, Message] = field(default_factory=dict)
    ended: dict[str, Message] = field(default_factory=dict)
    lost: bool = False  # the keeper is gone: what had started and not ended has been lost with it
    settled: anyio.Event = field(default_factory=anyio.Event)

    def close(self, token: str) -> None:
        """Nothing more will be said of it."""
        self.open.discard(token)
        if not self.open:
            self.settled.set()


class KeeperConnection(asyncio.Protocol):
    """Turns bytes into what tickets know. Everything happens in callbacks of the event loop."""

    def __init__(self) -> None:
        self.lost = anyio.Event()
        self.greeted = anyio.Event()
        self.hello: Message = {}
        self._transport: asyncio.Transport | None = None
        self._lines = Lines()
        self._tickets: dict[str, Ticket] = {}
        self._known: set[str] = set()  # tokens the keeper may still know

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet first."""
        self._transport = cast("asyncio.Transport", transport)
        self.send({"op": "hello", "versions": [VERSION]})

    def data_received(self, data: bytes) -> None:
        """Hand each message to the ticket it belongs to."""
        for message in self._lines.feed(data):
            event = message["event"]
            if event in {"hello", "refused"}:
                self.hello = message
                self.greeted.set()
            elif (ticket := self._tickets.get(message["token"])) is not None:
                self._note(ticket, message)

    def _note(self, ticket: Ticket, message: Message) -> None:
        token = message["token"]
        if message["event"] == "started":
            ticket.started[token] = message
            return
        if message["event"] == "ended":
            ticket.ended[token] = message
        else:
            self._known.discard(token)
        del self._tickets[token]
        ticket.close(token)

    def connection_lost(self, exc: Exception | None) -> None:
        """The keeper is gone: nobody will say anything more."""
        del exc
        self.lost.set()
        self.greeted.set()
        for ticket in set(self._tickets.values()):
            ticket.lost = True
            ticket.settled.set()
        self._tickets.clear()

    def start(self, job: Mapping[str, Any], runs: list[dict[str, Any]]) -> Ticket:
        """Have them run one after the other."""
        runs = [{**run, "token": self._free_token(run["token"])} for run in runs]
        tokens = tuple(run["token"] for run in runs)
        self._known.update(tokens)
        ticket = Ticket(tokens=tokens, open=set(tokens))
        if self.lost.is_set():
            ticket.lost = True
            ticket.settled.set()
            return ticket
        self._tickets.update(dict.fromkeys(ticket.open, ticket))
        self.send({"op": "start", "job": job, "runs": runs})
        return ticket

    def _free_token(self, token: str) -> str:
        """The same attempt sent twice at one instant is two runs: the keeper would take the second for a repeated message."""
        while token in self._known:
            token = f"{token}+"
        return token

    def acknowledge(self, tokens: list[str]) -> None:
        """The keeper may forget the ends of these."""
        self._known.difference_update(tokens)
        self.send({"op": "acknowledge", "tokens": tokens})

    def send(self, message: Message) -> None:
        """Say it; a keeper that is gone hears nothing."""
        if self._transport is not None and not self.lost.is_set():
            self._transport.write(encode(message))

    def close(self) -> None:
        """Hang up: the keeper kills everything and leaves."""
        if self._transport is not None:
            self._transport.close()


class KeeperClient:
    """A keeper that runs, until it is closed or lost. The record names it in case nobody is left to end its work."""

    def __init__(self, process: anyio.abc.Process, connection: KeeperConnection, *, record: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._connection = connection
        self._record = record
        self._closing = anyio.Lock()
        self._closed = False

    @property
    def lost(self) -> bool:
        """Whether it can take no more work."""
        return self._closed or self._connection.lost.is_set()

    def start(self, job: Mapping[str, Any], runs: list[dict[str, Any]]) -> Ticket:
        """Have these run one after the other."""
        return self._connection.start(job, runs)

    def kill(self, tokens: Iterable[str]) -> None:
        """Have the process trees of these ended; what has not begun never will."""
        self._connection.send({"op": "kill", "tokens": list(tokens)})

    def acknowledge(self, tokens: Iterable[str]) -> None:
        """Let the keeper forget the ends of these."""
        self._connection.acknowledge(list(tokens))

    async def close(self) -> None:
        """Let it kill everything and leave; see to it that nothing of it is left. Returns when that is so."""
        with anyio.CancelScope(shield=True):
            async with self._closing:
                if self._closed:
                    return
                self._closed = True
                self._connection.close()
                with anyio.move_on_after(LEAVE_SECONDS):
                    await self._process.wait()
                await self._end()

    async def bury(self) -> None:
        """The same for a keeper that has died or does not answer: it is killed, and so is what it had started."""
        with anyio.CancelScope(shield=True):
            async with self._closing:
                if not self._closed:
                    self._closed = True
                    self._connection.close()
                    await self._end()

    async def _end(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
        await anyio.to_thread.run_sync(self._clear)

    def _clear(self) -> None:
        _sweep(self._connection.hello.get("instance"))
        shutil.rmtree(self._record.parent / BERTHS, ignore_errors=True)
        self._record.unlink(missing_ok=True)


def _sweep(instance: int | None) -> None:
    if instance is not None:
        keeper_system.kill_and_wait(keeper_system.marks_of(instance), seconds=SWEEP_SECONDS)


async def start_keeper(folder: Path) -> KeeperClient:
    """Start a keeper and wait for its greeting. Raises ExecutorUnusable when it cannot work here."""
    ours, theirs = socket.socketpair()
    places = ["--channel", str(theirs.fileno()), "--folder", str(folder / BERTHS)]
    command = [sys.executable, "-S", "-s", "-m", _MODULE, *places]
    try:
        with theirs:
            process = await anyio.open_process(
                command,
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=None,
                cwd="/",
                env={"PYTHONPATH": _PACKAGES, "PYTHONSAFEPATH": "1"},
                start_new_session=True,
                pass_fds=[theirs.fileno()],
            )
    except OSError as error:
        ours.close()
        raise ExecutorUnusable(f"the keeper of commands could not be started: {error}") from error
    _, connection = await asyncio.get_running_loop().create_unix_connection(KeeperConnection, sock=ours)
    record = folder / f"keeper.{process.pid}.json"
    client = KeeperClient(process, connection, record=record)
    try:
        with anyio.move_on_after(HELLO_SECONDS):
            await connection.greeted.wait()
        _check(connection.hello)
        record.write_text(json.dumps({key: connection.hello[key] for key in ("instance", "boot_id")}), encoding="utf-8")
    except BaseException:
        await client.bury()
        raise
    return client


def _check(hello: Message) -> None:
    if hello.get("event") != "hello":
        message = hello.get("message", "it did not say why; look into the daemon's log")
        raise ExecutorUnusable(f"the keeper of commands did not start: {message}")


def clear_leftovers(folder: Path) -> None:
    """Kill and remove what keepers of an earlier daemon left, when both were killed at once. Blocks: call it in a thread."""
    for record in folder.glob("keeper.*.json"):
        with contextlib.suppress(ValueError, KeyError):  # half-written: its keeper had started nothing
            known = json.loads(record.read_text(encoding="utf-8"))
            if known["boot_id"] == keeper_system.boot_id():
                _sweep(known["instance"])
        record.unlink(missing_ok=True)
    shutil.rmtree(folder / BERTHS, ignore_errors=True)


class Keepers:
    """The one keeper in use, started when it is needed and replaced when it is lost."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._client: KeeperClient | None = None
        self._starting = anyio.Lock()

    async def ready(self) -> KeeperClient:
        """A keeper that takes work. Raises ExecutorUnusable."""
        client = self._client
        if client is not None and not client.lost:
            return client
        async with self._starting:
            if self._client is not None and self._client.lost:
                await self._client.bury()
                self._client = None
            if self._client is None:
                self._client = await start_keeper(self._folder)
            return self._client

    async def close(self) -> None:
        """End the keeper and everything it runs."""
        if self._client is not None:
            await self._client.close()
            self._client = None
