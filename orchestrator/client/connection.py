"""One request over one connection to a Unix socket, blocking."""

import json
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from orchestrator.client.wire import Decoder, Head, LineSplitter, Request, encode
from orchestrator.errors import NoDaemon, OrchestratorError

RECEIVE_BYTES = 65_536
SLOW_SECONDS = 5.0


class NoAnswer(Exception):
    """The connection ended, or the time was up, before a byte came back."""


def _broken_off(error: OSError) -> NoDaemon:
    return NoDaemon(f"the connection to the daemon ended in the middle of its answer ({error.strerror or error})")


def read_json(text: bytes) -> Any:
    """The value. Raises OrchestratorError for what is not JSON."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise OrchestratorError(f"the daemon's answer is not JSON: {text[:80]!r}") from error


def connect(path: Path) -> socket.socket:
    """A connected socket. Raises OSError. A daemon whose queue of connections is full is waited for."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection


class Answer:
    """An answer whose head has arrived and whose body is read as it comes. Close it, or leave its `with`."""

    def __init__(self, connection: socket.socket, decoder: Decoder, head: Head, *, first: bytes) -> None:
        self.head = head
        self._connection = connection
        self._decoder = decoder
        self._first = first

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up. What has not been read is lost."""
        self._connection.close()

    def fileno(self) -> int:
        """For `select`: readable when more of the body, or its end, is there."""
        return self._connection.fileno()

    def received(self) -> bytes:
        """What of the body came together with the head; given once."""
        piece, self._first = self._first, b""
        return piece

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self._decoder.done and not self._first

    def next_piece(self) -> bytes | None:
        """Some bytes of the body (none when only framing came), None at its end. Raises NoDaemon when it is cut off."""
        if self._first:
            return self.received()
        if self._decoder.done:
            return None
        try:
            data = self._connection.recv(RECEIVE_BYTES)
        except OSError as error:
            raise _broken_off(error) from error
        return self._decoder.feed(data)

    def pieces(self) -> Iterator[bytes]:
        """The body as it arrives."""
        while (piece := self.next_piece()) is not None:
            if piece:
                yield piece

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.pieces())

    def lines(self) -> Iterator[Any]:
        """The JSON values of a body with one a line, each as soon as it is complete."""
        splitter = LineSplitter()
        for piece in self.pieces():
            yield from map(read_json, splitter.feed(piece))
        yield from map(read_json, splitter.end())


def _send(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except TimeoutError:
        raise
    except OSError:
        return  # the daemon may have answered before it hung up; if not, receiving says so


def _receive_head(connection: socket.socket) -> Answer:
    decoder = Decoder()
    received, first = False, b""
    while decoder.head is None:
        try:
            data = connection.recv(RECEIVE_BYTES)
        except OSError as error:
            if received:
                raise _broken_off(error) from error
            raise NoAnswer(str(error)) from error
        if not data and not received:
            raise NoAnswer("the connection ended without an answer")
        received = True
        first = decoder.feed(data)
    return Answer(connection, decoder, decoder.head, first=first)


def _is_slow(connection: socket.socket) -> bool:
    answered = select.poll()
    answered.register(connection, select.POLLIN)
    return not answered.poll(SLOW_SECONDS * 1000)


def ask(
    connection: socket.socket, request: Request, *, timeout_seconds: float | None, slow: Callable[[], None]
) -> Answer:
    """Send the request and wait for the head of its answer.

    Raises NoAnswer when no byte came back and NoDaemon when what came is cut off. `timeout_seconds` bounds each wait for bytes; where
    there is a bound, `slow` is called when nothing has come for five seconds.
    """
    try:
        connection.settimeout(timeout_seconds)
        _send(connection, encode(request))
        if timeout_seconds is not None and timeout_seconds > SLOW_SECONDS and _is_slow(connection):
            slow()
        return _receive_head(connection)
    except TimeoutError as error:
        connection.close()
        raise NoAnswer(f"no answer within {timeout_seconds:g} s") from error
    except BaseException:
        connection.close()
        raise
