"""The daemon's side of the keeper: finding the one that works, starting one, seeing to it when it has died, parting from it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import structlog

from orchestrator.errors import ExecutorUnusable
from orchestrator.executors.keeper_connection import KeeperConnection, connected_socket, wait_for_end
from orchestrator.executors.keeper_tickets import Ticket, Tickets
from orchestrator.locks import ProcessIdentity, identity_of
from orchestrator.worker.keeper_home import ERRORS, JOURNAL, SCRATCH, SOCKET, Home
from orchestrator.worker.keeper_journal import read_past

log = structlog.get_logger(__name__)

LEAVE_SECONDS = 5.0
_TRIES = 5
_MODULE = "orchestrator.worker.keeper"
_PACKAGES = str(Path(__file__).resolve().parents[2])


class Keepers:
    """The one keeper in use: found or started when it is needed, succeeded by another when it is lost.

    `managed` is the socket on which a service manager starts keepers; where nobody listens on it, the daemon starts its own.
    """

    def __init__(self, folder: Path, *, managed: Path | None = None) -> None:
        self.tickets = Tickets()
        self._folder = folder
        self._managed = managed
        self._connection: KeeperConnection | None = None
        self._connecting = anyio.Lock()

    @property
    def has_a_past(self) -> bool:
        """Whether a keeper works in the folder, or has left something there that counts."""
        return (self._folder / JOURNAL).exists()

    @property
    def pids(self) -> tuple[int, ...]:
        """The keeper that is in use, if one is."""
        connection = self._connection
        return () if connection is None or connection.lost or not connection.accepted else (connection.identity.pid,)

    async def ready(self) -> None:
        """Have a keeper that takes work; tickets go on with it. Raises ExecutorUnusable."""
        if self._usable():
            return
        async with self._connecting:
            if not self._usable():
                await self._connect()

    def _meet(self, connection: KeeperConnection) -> None:
        """What a keeper knows is taken in before what it says next, which is about some of the same."""
        self._connection = connection
        self.acknowledge(self.tickets.reconnected(connection.hello))

    def _usable(self) -> bool:
        return self._connection is not None and not self._connection.lost

    # Work

    async def start(self, job: Mapping[str, Any], runs: list[dict[str, Any]], *, locks: Sequence[int] = ()) -> Ticket:
        """Have these run one after the other, holding copies of locks. Raises ExecutorUnusable."""
        await self.ready()
        runs = [{**run, "token": self.tickets.free_token(run["token"])} for run in runs]
        ticket = self.tickets.issue([run["token"] for run in runs])
        if locks and self._connection is not None:
            message = {"op": "start", "job": {**job, "locks": len(locks)}, "runs": runs}
            await self._connection.send_with(message, locks)
        else:
            self._say(op="start", job=job, runs=runs)
        return ticket

    async def settled(self, ticket: Ticket) -> None:
        """Return when nothing more will be said of these, whatever happens to keepers meanwhile."""
        while ticket.open:
            await ticket.changed.wait()
            if ticket.open:
                await self._succeed()

    async def _succeed(self) -> None:
        """Have another keeper see to what the last one left; when there can be none, it is seen to here."""
        try:
            await self.ready()
        except ExecutorUnusable as error:
            log.error("keeper_lost_for_good", error=error.message)
            await self._sweep()
            self.tickets.give_up()

    def kill(self, tokens: Iterable[str]) -> None:
        """Have the process trees of these ended; what has not begun never will."""
        self._say(op="kill", tokens=list(tokens))

    def acknowledge(self, tokens: Iterable[str]) -> None:
        """Let the keeper forget the ends of these: they are on record, or will never be asked for."""
        done = list(tokens)
        if done:
            self.tickets.forget(done)
            self._say(op="acknowledge", tokens=done)

    def _say(self, **message: Any) -> None:
        if self._connection is not None:
            self._connection.send(message)

    # Coming

    async def _connect(self) -> None:
        doors = [self._folder / SOCKET, *([self._managed] if self._managed else [])]
        for _ in range(_TRIES):
            for door in doors:
                if await self._try(door):
                    return
            if await self._greet(await self._spawn()):
                return
        raise ExecutorUnusable(
            f"the keeper of isolated evaluations leaves at once, or another one does not leave {self._folder}; "
            f"{ERRORS} there may say why"
        )

    async def _try(self, door: Path) -> bool:
        """Whether there is a keeper behind a door that is not about to leave."""
        listener = connected_socket(door)
        if listener is None:
            if door == self._managed:
                log.warning("managed_keeper_missing", socket=str(door), effect="isolated work ends with this service")
            return False
        return await self._greet(listener)

    async def _greet(self, listener: socket.socket) -> bool:
        """Whether the keeper at the other end takes work."""

        def connection() -> KeeperConnection:
            tickets = self.tickets
            return KeeperConnection(self._folder, met=self._meet, note=tickets.note, gone=tickets.disconnected)

        _, greeted = await asyncio.get_running_loop().create_unix_connection(connection, sock=listener)
        try:
            answered = await greeted.greeted()
        except BaseException:
            greeted.hang_up()
            raise
        if greeted.accepted:
            running, reason = len(greeted.hello["running"]), greeted.hello.get("cgroup")
            memory = "by control groups" if reason is None else f"by looking, as {reason}"
            log.info("keeper_found", pid=greeted.hello["pid"], running=running, memory_held=memory)
            return True
        greeted.hang_up()
        if greeted.hello and not greeted.hello.get("busy"):
            raise ExecutorUnusable(greeted.hello["message"])
        if not answered:
            await self._kill(await anyio.to_thread.run_sync(self._recorded))
        return False

    async def _spawn(self) -> socket.socket:
        """Start a keeper of our own; the connection to it."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - socket gives it no name
        try:
            with theirs:
                await anyio.to_thread.run_sync(_spawn, self._folder, theirs.fileno())
        except (OSError, subprocess.SubprocessError) as error:
            ours.close()
            raise ExecutorUnusable(f"the keeper of isolated evaluations could not be started: {error}") from error
        return ours

    # Going

    async def bury(self) -> None:
        """Kill a keeper that does not answer; the next one sees to what it leaves."""
        with anyio.CancelScope(shield=True):
            if self._connection is not None:
                self._connection.hang_up()
                await self._kill(self._connection.identity)

    def part(self) -> None:
        """Hang up: it goes on alone, and leaves when it has nothing left to do."""
        if self._connection is not None:
            self._connection.hang_up()

    async def close(self) -> None:
        """End everything; nothing is left when this returns: no process, no file."""
        with anyio.CancelScope(shield=True):
            if self._connection is None:
                return
            self._say(op="leave")
            if not await wait_for_end(self._connection.identity, seconds=LEAVE_SECONDS):
                await self._kill(self._connection.identity)
            self._connection.hang_up()
            await self._sweep()
            (self._folder / JOURNAL).unlink(missing_ok=True)
            with suppress(OSError):
                (self._folder / SCRATCH).rmdir()

    async def _kill(self, process: ProcessIdentity | None) -> None:
        if process is not None and identity_of(process.pid) == process:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            await wait_for_end(process, seconds=LEAVE_SECONDS)

    def _recorded(self) -> ProcessIdentity | None:
        """Who works in the folder, by the journal."""
        keeper = read_past(str(self._folder / JOURNAL)).keeper
        if keeper is None:
            return None
        return ProcessIdentity(**{name: keeper[name] for name in ("pid", "start_ticks", "boot_id")})

    async def _sweep(self) -> None:
        if self.has_a_past:
            await anyio.to_thread.run_sync(sweep, self._folder)


def _spawn(folder: Path, channel: int) -> None:
    """Start a keeper with this end of a connection; returns once it is a process of its own, whose parent is not this one."""
    command = [sys.executable, "-S", "-s", "-m", _MODULE, "--channel", str(channel), "--folder", str(folder)]
    errors = folder / ERRORS
    with errors.open("ab") as file:
        subprocess.run(  # noqa: S603 - our own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            cwd="/",
            env={"PYTHONPATH": _PACKAGES, "PYTHONSAFEPATH": "1"},
            start_new_session=True,
            pass_fds=[channel],
            check=True,
        )


def sweep(folder: Path) -> None:
    """Kill what a dead keeper has left running. Blocks: call it in a thread. Raises OSError when a keeper works there."""
    home = Home(str(folder))
    try:
        home.take_over()
    except BaseException:
        home.unlock()
        raise
    home.close_door()
    home.leave(empty=False)
