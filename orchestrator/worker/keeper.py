"""The keeper: a small process that is the parent of every isolated evaluation, and outlives the daemon that asked for it.

    python -m orchestrator.worker.keeper --channel FD --folder PATH
    python -m orchestrator.worker.keeper

The first form is how a daemon starts it: `FD` is the inherited end of a stream socket, on which it is greeted first. The second is for
a service manager that passes it a listening socket (`LISTEN_FDS`). What is said is in `keeper_protocol`; in its folder (see
`keeper_home`), which is private to it, is all it must not forget, and the socket where every later daemon finds it.

It sleeps until a message, the end of a child or a deadline wakes it. When there is neither work nor a daemon it leaves. SIGTERM, or a
daemon that says so, makes it kill everything it started and leave. Standard library only, one thread, no fork of Python code once it
works: a child is started by `posix_spawn`, which costs a third of a fork here and cannot fail half-way.
"""

from __future__ import annotations

import errno
import os
import selectors
import signal
import socket
import sys
import time
from collections import deque
from functools import partial
from typing import Callable, Deque, List, Optional

from orchestrator.worker import keeper_system as system
from orchestrator.worker.keeper_berths import Berths
from orchestrator.worker.keeper_home import BERTHS, JOURNAL, SCRATCH, Home
from orchestrator.worker.keeper_journal import Journal
from orchestrator.worker.keeper_protocol import VERSION, Lines, Message, encode
from orchestrator.worker.keeper_ward import Ward
from orchestrator.worker.lock_channel import MOST as MOST_LOCKS

ALONE_SECONDS = 0.5
"""How long it stays without work and without a daemon."""

_CHUNK_BYTES = 1 << 18
_LEAVE_SECONDS = 3.0
_FIRST_PASSED = 3  # of the descriptors a service manager passes


class Refused(Exception):
    """The daemon is not served; the text says why."""


class Channel:
    """The keeper's end of the connection: messages in, messages out, never waiting for the other side."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(0.0)
        connection.set_inheritable(False)
        self.connection = connection
        self.closed = False
        self._lines = Lines()
        self._unsent = bytearray()
        self._descriptors: Deque[int] = deque()  # they have come with messages that have not been obeyed yet

    @property
    def congested(self) -> bool:
        """Whether something is left to be sent."""
        return bool(self._unsent) and not self.closed

    def receive(self) -> List[Message]:
        """What has come."""
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self.connection, _CHUNK_BYTES, MOST_LOCKS, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return []
        except ConnectionResetError:
            data, descriptors = b"", []
        self._descriptors.extend(descriptors)
        self.closed = self.closed or not data
        return self._lines.feed(data)

    def take_descriptors(self, count: int) -> List[int]:
        """What has come with a message, in order; less when there was no room for more open files."""
        return [self._descriptors.popleft() for _ in range(min(count, len(self._descriptors)))]

    def close(self) -> None:
        """Hang up."""
        self.connection.close()
        for descriptor in self._descriptors:
            os.close(descriptor)

    def say(self, line: bytes) -> None:
        """Send it with the next `flush`."""
        self._unsent += line

    def flush(self) -> None:
        """Send what the other side takes now."""
        try:
            while self._unsent and not self.closed:
                del self._unsent[: self.connection.send(self._unsent)]
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True


class Residence:
    """A keeper in its folder: what it has taken over, what it looks after. Raises OSError and CannotMark."""

    def __init__(self, folder: str, *, say: Callable[[bytes], None]) -> None:
        self.unwanted = False  # nobody will ask for what it still knows
        self.home = Home(folder)
        try:
            self._settle_in(say)
        except BaseException:
            self.home.unlock()
            raise

    def _settle_in(self, say: Callable[[bytes], None]) -> None:
        ended = self.home.take_over()
        instance = int.from_bytes(os.urandom(3), "big")
        pid = os.getpid()
        ticks, boot = system.start_ticks(pid), system.boot_id()
        self._identity = {"pid": pid, "start_ticks": ticks, "boot_id": boot, "instance": instance}
        self._journal = Journal(self.home.path(JOURNAL), keeper=self._identity, ended=ended)
        berths = Berths(self.home.path(BERTHS, f"{instance:06x}"), scratch=self.home.path(SCRATCH))
        self.ward = Ward(say, instance=instance, berths=berths, journal=self._journal)
        self.door = self.home.listen()

    def introduction(self) -> Message:
        """Who it is and what it knows."""
        known = {
            "cgroup": self.ward.memory.without_groups,
            "chains": self.ward.chains(),
            "running": self.ward.running(),
            "ended": self._journal.ends,
        }
        return {"event": "hello", "version": VERSION, **self._identity, **known}

    def close(self) -> None:
        """Leave behind what the next keeper must know, and nothing when there is nothing."""
        self.home.close_door()
        self._journal.sync()
        if self.unwanted:
            self._journal.forget_all()
        empty = self._journal.empty
        if empty:
            self._journal.remove()
        self.home.leave(empty=empty)


class Keeper:
    """The loop: what woke it, what is due, what is to be said. It moves into its folder when it is first greeted."""

    def __init__(self, wake_up: int, *, folder: Optional[str]) -> None:
        self._folder = folder
        self._residence: Optional[Residence] = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(wake_up, selectors.EVENT_READ, partial(self._on_signal, wake_up))
        self._channels: List[Channel] = []
        self._daemon: Optional[Channel] = None  # the one that was greeted last
        self._leave_until: Optional[float] = None
        self._alone_until = time.monotonic() + ALONE_SECONDS
        self._has_children = False

    def listen(self, door: socket.socket) -> None:
        """Let daemons in."""
        door.settimeout(0.0)
        self._selector.register(door, selectors.EVENT_READ, partial(self._let_in, door))

    def welcome(self, channel: Channel) -> None:
        """Hear what it says from now on."""
        self._channels.append(channel)
        self._selector.register(channel.connection, selectors.EVENT_READ, partial(self._on_messages, channel))

    def serve(self) -> None:
        """Until there is neither work nor a daemon, or until everything was killed because it was told to leave."""
        while not self._is_over(time.monotonic()):
            woken = self._selector.select(self._wait_seconds())
            for key, _ in woken:
                key.data()
            if self._residence is not None:
                ward = self._residence.ward
                ward.act(time.monotonic())
                ward.commit()
                ward.tell(time.monotonic())
            for channel in list(self._channels):
                self._follow(channel)
        if self._residence is not None:
            self._residence.ward.tell(float("inf"))  # what has ended last, to who is still there
            for channel in self._channels:
                channel.flush()
            self._residence.close()

    def _is_over(self, now: float) -> bool:
        if self._leave_until is not None:
            return not self._has_children or now >= self._leave_until
        return self._is_alone() and now >= self._alone_until

    def _is_alone(self) -> bool:
        return not self._channels and (self._residence is None or self._residence.ward.idle)

    def _wait_seconds(self) -> Optional[float]:
        now = time.monotonic()
        limits = [] if self._residence is None else [self._residence.ward.wait_seconds(now)]
        if self._leave_until is not None:
            limits.append(self._leave_until - now)
        elif self._is_alone():
            limits.append(self._alone_until - now)
        known = [seconds for seconds in limits if seconds is not None]
        return max(0.0, min(known)) if known else None

    # ---------------------------------------------------------------------------------------------------- channels

    def _let_in(self, door: socket.socket) -> None:
        try:
            connection, _ = door.accept()
        except OSError:  # it hung up again, or there is no descriptor left: whoever waits asks again
            return
        if system.user_of(connection) == os.geteuid():
            self.welcome(Channel(connection))
        else:
            connection.close()

    def _follow(self, channel: Channel) -> None:
        """Say what is to be said; part from one that has hung up."""
        channel.flush()
        if channel.closed:
            self._selector.unregister(channel.connection)
            self._channels.remove(channel)
            channel.close()
            self._daemon = None if self._daemon is channel else self._daemon
            self._alone_until = time.monotonic() + ALONE_SECONDS
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if channel.congested else 0)
        key = self._selector.get_key(channel.connection)
        if key.events != wanted:
            self._selector.modify(channel.connection, wanted, key.data)

    def _say(self, line: bytes) -> None:
        """To the daemon; without one it is said to the next."""
        if self._daemon is not None:
            self._daemon.say(line)

    def _on_messages(self, channel: Channel) -> None:
        for message in channel.receive():
            if message["op"] == "hello":
                self._greet(channel, message)
            elif channel is self._daemon and self._residence is not None:
                self._obey(message, self._residence, channel)

    def _obey(self, message: Message, residence: Residence, channel: Channel) -> None:
        operation = message["op"]
        if operation == "start":
            locks = channel.take_descriptors(message["job"].get("locks", 0))
            residence.ward.start(message["job"], message["runs"], locks=locks)
        elif operation == "kill":
            residence.ward.kill(message["tokens"])
        elif operation == "acknowledge":
            residence.ward.acknowledge(message["tokens"])
        elif operation == "leave":
            self._leave()
            residence.unwanted = True

    # ------------------------------------------------------------------------------------------------------- coming

    def _greet(self, channel: Channel, message: Message) -> None:
        try:
            self._check(message)
            residence = self._residence or self._move_in(message["folder"])
        except (OSError, system.CannotMark, Refused) as error:
            busy = getattr(error, "errno", None) == errno.EBUSY
            channel.say(encode(refusal(f"the keeper cannot work here: {error}", busy=busy)))
            channel.flush()
            channel.closed = True
            return
        if self._daemon is not None and self._daemon is not channel:
            self._daemon.closed = True  # there is one daemon: the last one left without a word
        residence.ward.tell(float("inf"))  # that is for the last one too; this one finds it in the introduction
        self._daemon = channel
        channel.say(encode(residence.introduction()))

    def _check(self, message: Message) -> None:
        if VERSION not in message["versions"]:
            raise Refused(f"it speaks version {VERSION} of the protocol, the daemon {message['versions']}")
        mine = self._folder if self._residence is None else self._residence.home.folder
        if mine is not None and mine != message["folder"]:
            raise Refused(f"it works in {mine}, not in {message['folder']}")

    def _move_in(self, folder: str) -> Residence:
        residence = self._residence = Residence(folder, say=self._say)
        self.listen(residence.door)
        return residence

    # ------------------------------------------------------------------------------------------------------ leaving

    def _leave(self) -> None:
        if self._leave_until is None:
            self._leave_until = time.monotonic() + _LEAVE_SECONDS
            if self._residence is not None:
                self._residence.ward.leave()
                self._has_children = self._residence.ward.reap()

    def _on_signal(self, wake_up: int) -> None:
        numbers = os.read(wake_up, 4096)
        if signal.SIGTERM in numbers:
            self._leave()
        if self._residence is not None:
            self._has_children = self._residence.ward.reap()


def refusal(message: str, *, busy: bool = False) -> Message:
    """Why the keeper cannot work; `busy`: another one has the folder, which may be over soon."""
    return {"event": "refused", "message": message, "busy": busy}


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
    """Run the keeper: on the descriptor that is named, or on the socket that a service manager has passed."""
    names, values = arguments[::2], arguments[1::2]
    if names == ["--channel", "--folder"] and len(values) == len(names) and values[0].isdigit():
        if os.fork() > 0:
            return 0  # whoever started this is not its parent: the keeper outlives it and is not its to reap
        keeper = Keeper(_listen_to_signals(), folder=values[1])
        keeper.welcome(Channel(socket.socket(fileno=int(values[0]))))
    elif not arguments and os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1":
        keeper = Keeper(_listen_to_signals(), folder=None)
        os.set_inheritable(_FIRST_PASSED, False)  # noqa: FBT003 - os gives it no name
        keeper.listen(socket.socket(fileno=_FIRST_PASSED))
    else:
        sys.stderr.write("usage: keeper --channel FD --folder PATH; the daemon or the service manager starts it\n")
        return 2
    system.become_subreaper()
    keeper.serve()
    return 0


def run() -> None:
    """As the installed program calls it."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
