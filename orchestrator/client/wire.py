"""HTTP/1.1 as bytes: a request is encoded, an answer is decoded as it arrives. No sockets here.

The one exception to "a library beats our code": `http.client` costs 17 ms at every call of the command line. For the same
reason facts are named tuples here and nothing is a regular expression: each dataclass costs a millisecond.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from orchestrator.errors import NoDaemon

LONGEST_HEAD_BYTES = 65_536
FINAL_STATUS, LAST_STATUS = 200, 599


def _broken(what: str) -> NoDaemon:
    return NoDaemon(f"the daemon's answer broke off: {what}")


class Request(NamedTuple):
    """What is asked. `path` is percent-encoded and has its query; `body` is JSON or empty."""

    method: str
    path: str
    body: bytes = b""
    idempotency_key: str | None = None
    changes_nothing: bool = False  # a POST that only reads

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does what sending it once does."""
        return self.method == "GET" or self.changes_nothing or self.idempotency_key is not None


def encode(request: Request) -> bytes:
    """The request as it goes over the socket; every connection carries one."""
    lines = [f"{request.method} {request.path} HTTP/1.1", "Host: orchestrator", "Connection: close"]
    if request.idempotency_key is not None:
        lines.append(f"Idempotency-Key: {request.idempotency_key}")
    if request.body or request.method != "GET":
        lines += ["Content-Type: application/json", f"Content-Length: {len(request.body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + request.body


class Head(NamedTuple):
    """Status and headers of an answer; header names are in small letters."""

    status: int
    headers: Mapping[str, str]


def _parse_head(text: str) -> Head:
    first, *rest = text.split("\r\n")
    version, _, after = first.partition(" ")
    status = _number(after[:3], base=10) if version in {"HTTP/1.1", "HTTP/1.0"} else 0
    if not 0 < status <= LAST_STATUS:
        raise _broken(f"this is not an HTTP answer: {first[:60]!r}")
    pairs = (line.partition(":") for line in rest)
    return Head(status=status, headers={name.strip().lower(): value.strip() for name, _, value in pairs})


def _number(text: str, *, base: int) -> int:
    try:
        number = int(text, base)
    except ValueError:
        number = -1
    if number < 0:
        raise _broken(f"this is not a length: {text[:60]!r}")
    return number


class Decoder:
    """Takes bytes as they come and gives the body's bytes as soon as they are complete."""

    def __init__(self) -> None:
        self.head: Head | None = None
        self.done = False
        self._buffer = bytearray()
        self._left: int | None = None  # bytes of the body, or of this chunk, to come; None: until the connection ends
        self._chunked = False

    def feed(self, data: bytes) -> bytes:
        """Add what was received; `b""` says the connection has ended. Raises NoDaemon when it ended too early."""
        if not data:
            return self._end()
        self._buffer += data
        if self.head is None:
            self._take_head()
        return b"" if self.head is None else b"".join(self._body())

    def _end(self) -> bytes:
        if self.head is None or self._chunked or self._left:
            raise _broken("the connection ended in the middle of the answer")
        self.done = True
        return b""

    def _take_head(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > LONGEST_HEAD_BYTES:
                raise _broken("the head of the answer does not end")
            return
        head = _parse_head(self._buffer[:end].decode("latin-1"))
        del self._buffer[: end + 4]
        if head.status < FINAL_STATUS:  # an interim answer: the real one follows
            self._take_head()
            return
        self.head = head
        self._chunked = "chunked" in head.headers.get("transfer-encoding", "").lower()
        length = head.headers.get("content-length")
        if head.status in {204, 304}:
            self._left = 0
        elif not self._chunked and length is not None:
            self._left = _number(length, base=10)
        self.done = self._left == 0

    def _body(self) -> Iterator[bytes]:
        while self._buffer and not self.done:
            if self._chunked and not self._left:
                if self._next_chunk():
                    continue
                return
            part = bytes(self._buffer[: self._left])
            del self._buffer[: len(part)]
            if self._left is not None:
                self._left -= len(part)
                self.done = self._left == 0 and not self._chunked
            yield part

    def _next_chunk(self) -> bool:
        """Read the line that announces a chunk, and the line end of the one before. False: not there yet."""
        start = 2 if self._left == 0 and self._buffer.startswith(b"\r\n") else 0
        if self._left == 0 and bytes(self._buffer[:2]) == b"\r":
            return False
        end = self._buffer.find(b"\r\n", start)
        if end < 0:
            return False
        self._left = _number(self._buffer[start:end].split(b";")[0].decode("latin-1").strip(), base=16)
        del self._buffer[: end + 2]
        if self._left == 0:  # the last chunk; trailers say nothing we use
            self._chunked, self.done = False, True
        return True


class LineSplitter:
    """Cuts bytes into lines, whatever pieces they come in."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines completed by this piece, without their line ends."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines

    def end(self) -> list[bytes]:
        """What came after the last line end."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []
