"""The keeper: a small process that is the parent of every isolated evaluation.

    python -m orchestrator.worker.keeper --channel FD --folder PATH

`FD` is the inherited end of a stream socket; what is said on it is in `keeper_protocol`. Below `PATH`,
which is private to it, are the files of what runs (see `keeper_berths`). The keeper sleeps until a message, the
end of a child or a deadline wakes it. When the other end is closed, or SIGTERM comes, it kills everything it started and leaves.
Standard library only, one thread, no fork of Python code: a child is started by `posix_spawn`, which costs a third of a fork here
and cannot fail half-way.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from typing import List, Optional

from orchestrator.worker import keeper_system as system
from orchestrator.worker.keeper_protocol import VERSION, Lines, Message, encode
from orchestrator.worker.keeper_ward import Ward

_CHUNK_BYTES = 1 << 18
_LEAVE_SECONDS = 3.0


class Channel:
    """The keeper's end of the connection: messages in, messages out, never waiting for the other side."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(0.0)
        connection.set_inheritable(False)
        self.connection = connection
        self.closed = False
        self._lines = Lines()
        self._unsent = bytearray()

    @property
    def congested(self) -> bool:
        """Whether something is left to be sent."""
        return bool(self._unsent) and not self.closed

    def receive(self) -> List[Message]:
        """What has come."""
        try:
            data = self.connection.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            data = b""
        self.closed = self.closed or not data
        return self._lines.feed(data)

    def say(self, message: Message) -> None:
        """Send it with the next `flush`."""
        self._unsent += encode(message)

    def flush(self) -> None:
        """Send what the other side takes now."""
        try:
            while self._unsent and not self.closed:
                del self._unsent[: self.connection.send(self._unsent)]
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True


class Keeper:
    """The loop: what woke it, what is due, what is to be said."""

    def __init__(self, channel: Channel, *, wake_up: int, folder: str) -> None:
        self._channel = channel
        self._wake_up = wake_up
        self._instance = int.from_bytes(os.urandom(3), "big")
        self._ward = Ward(channel.say, instance=self._instance, folder=folder)
        self._selector = selectors.DefaultSelector()
        self._selector.register(wake_up, selectors.EVENT_READ, self._on_signal)
        self._selector.register(channel.connection, selectors.EVENT_READ, self._on_messages)
        self._leave_until: Optional[float] = None
        self._has_children = True

    def serve(self) -> None:
        """Until the other end is closed and nothing is left."""
        while self._leave_until is None or (self._has_children and time.monotonic() < self._leave_until):
            for key, _ in self._selector.select(self._wait_seconds()):
                key.data()
            self._ward.act(time.monotonic())
            self._channel.flush()
            self._follow_channel()

    def _wait_seconds(self) -> Optional[float]:
        now = time.monotonic()
        until_due = self._ward.wait_seconds(now)
        if self._leave_until is None:
            return until_due
        return max(0.0, min(self._leave_until - now, _LEAVE_SECONDS if until_due is None else until_due))

    def _follow_channel(self) -> None:
        if self._leave_until is not None:
            return
        if self._channel.closed:
            self._leave()
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._channel.congested else 0)
        if self._selector.get_key(self._channel.connection).events != wanted:
            self._selector.modify(self._channel.connection, wanted, self._on_messages)

    def _leave(self) -> None:
        self._leave_until = time.monotonic() + _LEAVE_SECONDS
        self._selector.unregister(self._channel.connection)
        self._ward.leave()
        self._has_children = self._ward.reap()

    def _on_signal(self) -> None:
        numbers = os.read(self._wake_up, 4096)
        if signal.SIGTERM in numbers and self._leave_until is None:
            self._leave()
        self._has_children = self._ward.reap()

    def _on_messages(self) -> None:
        for message in self._channel.receive():
            self._obey(message)

    def _obey(self, message: Message) -> None:
        operation = message["op"]
        if operation == "start":
            self._ward.start(message["job"], message["runs"])
        elif operation == "kill":
            self._ward.kill(message["tokens"])
        elif operation == "acknowledge":
            self._ward.acknowledge(message["tokens"])
        elif operation == "hello":
            self._greet(message["versions"])

    def _greet(self, versions: List[int]) -> None:
        if VERSION not in versions:
            self._channel.say(refusal(f"this keeper speaks version {VERSION} of the protocol, the daemon {versions}"))
            self._channel.flush()
            self._channel.closed = True
            return
        self._channel.say(
            {
                "event": "hello",
                "version": VERSION,
                "pid": os.getpid(),
                "start_ticks": system.start_ticks(os.getpid()),
                "boot_id": system.boot_id(),
                "instance": self._instance,
                "running": self._ward.running(),
                "ended": self._ward.ended(),
            }
        )


def refusal(message: str) -> Message:
    """Why the keeper cannot work."""
    return {"event": "refused", "message": message}


def _listen_to_signals() -> int:
    """The descriptor that becomes readable with every SIGCHLD and SIGTERM; other ways to stop it are ignored."""
    receive, send = os.pipe()
    os.set_blocking(receive, False)
    os.set_blocking(send, False)
    signal.set_wakeup_fd(send, warn_on_full_buffer=False)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return receive


def main(arguments: List[str]) -> int:
    """Run the keeper on the descriptor that is named."""
    names, values = arguments[::2], arguments[1::2]
    if names != ["--channel", "--folder"] or len(values) != len(names) or not values[0].isdigit():
        sys.stderr.write("usage: keeper --channel FD --folder PATH; the daemon starts it\n")
        return 2
    channel = Channel(socket.socket(fileno=int(values[0])))
    try:
        system.become_subreaper()
        keeper = Keeper(channel, wake_up=_listen_to_signals(), folder=values[1])
    except (OSError, system.CannotMark) as error:
        channel.say(refusal(f"the keeper cannot work here: {error}"))
        channel.flush()
        return 1
    keeper.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
