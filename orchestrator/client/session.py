"""Requests that reach the daemon: find its socket, start one if allowed, ask, retry once, raise what it refuses."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from orchestrator.client.connection import SLOW_SECONDS, Answer, NoAnswer, ask, connect, read_json
from orchestrator.client.door import Door
from orchestrator.client.problems import FIRST_ERROR_STATUS, read_error
from orchestrator.client.wire import Request
from orchestrator.errors import NoDaemon, PermissionRefused

ANSWER_SECONDS = 120.0
WINNER_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0


def say(message: str) -> None:
    """A message for the person, on stderr. Where that is closed or full nothing is said: what is done does not depend on it."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # whoever has read so far has read enough
            raise


class Patience:
    """Pauses between tries that nothing can wake us for, growing from 20 ms to 1 s; it ends."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Something came: begin anew."""
        self._until = time.monotonic() + self._seconds
        self._pause = FIRST_PAUSE_SECONDS

    def next_pause(self) -> float | None:
        """Seconds to pause before the next try; None when patience is used up."""
        left = self._until - time.monotonic()
        if left <= 0:
            return None
        pause, self._pause = min(self._pause, left), min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        return pause


class Session:
    """Speaks to one daemon, one connection a request, so that it may be used from several threads."""

    def __init__(self, door: Door, *, announce: Callable[[str], None] = say) -> None:
        self.door = door
        self._announce = announce

    def without_start(self, reason: str) -> Self:
        """A session like this one that never starts a daemon; `reason` is shown where it would have."""
        return type(self)(self.door._replace(no_start=self.door.no_start or reason), announce=self._announce)

    def try_connect(self) -> socket.socket | None:
        """A connection to the first socket somebody listens on. Raises PermissionRefused when only the right is missing."""
        forbidden = None
        for path in self.door.sockets:
            try:
                return connect(path)
            except PermissionError:
                forbidden = forbidden or path
            except OSError:  # missing, stale, no directory: nobody listens there
                continue
        if forbidden is None:
            return None
        raise PermissionRefused(
            f"you may not use the daemon's socket {forbidden}",
            hint="ask for membership in the group that owns it, or use --state-dir for a private daemon",
        )

    def connect(self) -> socket.socket:
        """A connection, to a daemon started for it if need be. Raises NoDaemon, PermissionRefused."""
        return self.try_connect() or self._start_and_connect()

    def _start_and_connect(self) -> socket.socket:
        if self.door.no_start is not None:
            tried = " or ".join(map(str, self.door.sockets))
            raise NoDaemon(f"no daemon is listening on {tried}", hint=self.door.no_start)
        from orchestrator.client.starting import start_daemon  # noqa: PLC0415  # house: subprocess would cost every call 8 ms

        start_daemon(self.door, environ=os.environ, announce=self._announce)
        return self._wait_for_socket()

    def _wait_for_socket(self) -> socket.socket:
        patience = Patience(WINNER_SECONDS)
        while (connection := self.try_connect()) is None:
            pause = patience.next_pause()
            if pause is None:
                raise NoDaemon(
                    f"another daemon holds {self.door.state_directory} but does not listen on {self.door.sockets[0]}",
                    hint="it may use another socket: name it with --socket",
                )
            time.sleep(pause)
        return connection

    def open(self, request: Request, *, timeout_seconds: float | None = ANSWER_SECONDS) -> Answer:
        """The answer once its head is there; close it. Raises what the daemon refuses, and NoDaemon.

        A request that got no byte back is sent once more if that is harmless. `timeout_seconds` bounds each wait for bytes.
        """
        try:
            answer = ask(self.connect(), request, timeout_seconds=timeout_seconds, slow=self._say_slow)
        except NoAnswer as first:
            if not request.repeatable:
                raise NoDaemon(f"the daemon gave no answer ({first})", hint="it may have done it: look") from first
            try:
                answer = ask(self.connect(), request, timeout_seconds=timeout_seconds, slow=self._say_slow)
            except NoAnswer as second:
                raise NoDaemon(f"the daemon does not answer ({second})") from second
        if answer.head.status >= FIRST_ERROR_STATUS:
            with answer:
                raise read_error(answer.head, answer.read())
        return answer

    def _say_slow(self) -> None:
        self._announce(f"the daemon has not answered for {SLOW_SECONDS:g} s; waiting for it")

    def json(self, request: Request, *, timeout_seconds: float | None = ANSWER_SECONDS) -> Any:
        """The JSON value of the answer."""
        with self.open(request, timeout_seconds=timeout_seconds) as answer:
            return read_json(answer.read())

    def lines(self, request: Request) -> Iterator[Any]:
        """The JSON values of an answer with one a line, as they come, for as long as it takes."""
        with self.open(request, timeout_seconds=None) as answer:
            yield from answer.lines()
