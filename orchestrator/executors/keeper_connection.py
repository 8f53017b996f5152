"""One connection to a keeper: bytes to messages and back, and which process is at the other end."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import anyio

from orchestrator.locks import ProcessIdentity, identity_of
from orchestrator.worker.keeper_protocol import VERSION, Lines, Message, encode

HELLO_SECONDS = 10.0


class KeeperConnection(asyncio.Protocol):
    """Everything happens in callbacks of the event loop.

    `met` is called when the keeper has said what it knows, before anything that it says after that is handed to `note`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        met: Callable[["KeeperConnection"], None],
        note: Callable[[Message], None],
        gone: Callable[[], None],
    ) -> None:
        self.lost = False
        self.hello: Message = {}
        self._folder = folder
        self._met = met
        self._note = note
        self._gone = gone
        self._greeted = anyio.Event()
        self._transport: asyncio.Transport | None = None
        self._room = anyio.Event()
        self._lines = Lines()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet first."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)
        self.send({"op": "hello", "versions": [VERSION], "folder": str(self._folder)})

    def data_received(self, data: bytes) -> None:
        """Keep the greeting, hand on the rest."""
        for message in self._lines.feed(data):
            if message["event"] in {"hello", "refused"}:
                self.hello = message
                self._greeted.set()
                if self.accepted:
                    self._met(self)
            else:
                self._note(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """The keeper is gone, or it was hung up on."""
        del exc
        self.lost = True
        self._room.set()
        self._greeted.set()
        self._gone()

    async def greeted(self) -> bool:
        """Wait for its answer to the greeting; False when it gives none in time."""
        with anyio.move_on_after(HELLO_SECONDS) as waiting:
            await self._greeted.wait()
        return not waiting.cancelled_caught

    @property
    def accepted(self) -> bool:
        """Whether it takes work."""
        return self.hello.get("event") == "hello" and not self.lost

    @property
    def identity(self) -> ProcessIdentity:
        """Which process it is, once it was greeted."""
        names = ("pid", "start_ticks", "boot_id")
        return ProcessIdentity(**{name: self.hello[name] for name in names})

    def send(self, message: Message) -> None:
        """Say it; a keeper that is gone hears nothing."""
        if self._transport is not None and not self.lost:
            self._transport.write(encode(message))

    def resume_writing(self) -> None:
        """Everything that was said has been sent."""
        self._room.set()

    async def send_with(self, message: Message, descriptors: Sequence[int]) -> None:
        """Say it, with copies of these descriptors. One that takes nothing for long is given up."""
        with anyio.move_on_after(HELLO_SECONDS) as waiting:
            while not (self.lost or self._sent_at_once(encode(message), descriptors)):
                await self._room.wait()
        if waiting.cancelled_caught:
            self.hang_up()

    def _sent_at_once(self, data: bytes, descriptors: Sequence[int]) -> bool:
        """Whether it could be sent: descriptors travel with the first byte, which must not overtake what was said before."""
        assert self._transport is not None
        self._room = anyio.Event()
        if self._transport.get_write_buffer_size():
            return False
        with self._transport.get_extra_info("socket").dup() as connection:
            try:
                sent = socket.send_fds(connection, [data], list(descriptors))
            except BlockingIOError:
                self._transport.write(b"\n")  # sent as soon as there is room; it says nothing
                return False
            except OSError:  # the keeper is gone, which is told
                return True
        if sent < len(data):
            self._transport.write(data[sent:])
        return True

    def hang_up(self) -> None:
        """It goes on without this daemon."""
        if self._transport is not None:
            self._transport.close()


def connected_socket(path: Path) -> socket.socket | None:
    """A connection to a socket, whose path may be longer than the name of a socket may be; None when nobody listens there."""
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(f"/proc/self/fd/{folder}/{path.name}")
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    finally:
        os.close(folder)
    connection.setblocking(False)  # noqa: FBT003 - socket gives it no name
    return connection


async def wait_for_end(process: ProcessIdentity, *, seconds: float) -> bool:
    """Whether a process, not necessarily a child, has ended within that time."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        if identity_of(process.pid) != process:
            return True
        with anyio.move_on_after(seconds):
            await anyio.wait_readable(handle)
            return True
        return False
    finally:
        os.close(handle)
