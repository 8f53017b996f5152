"""A peer on a Unix socket that answers each connection with bytes it was given, and remembers what it was asked."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread


@dataclass
class Scripted:
    """Where it listens and what it received, a request a connection."""

    path: Path
    received: list[bytes] = field(default_factory=list)


def _answer(listener: socket.socket, answers: Sequence[bytes], scripted: Scripted) -> None:
    for answer in answers:
        connection, _ = listener.accept()
        with connection:
            scripted.received.append(connection.recv(65_536))
            connection.sendall(answer)


@contextmanager
def scripted_peer(path: Path, *answers: bytes) -> Iterator[Scripted]:
    """Answer the first connections with these bytes, in order; all of them must be made."""
    scripted = Scripted(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = Thread(target=_answer, args=(listener, answers, scripted))
        thread.start()
        yield scripted
        thread.join(timeout=10)
        assert not thread.is_alive(), f"only {len(scripted.received)} of {len(answers)} connections were made"


def ok(body: bytes, *, status: str = "200 OK") -> bytes:
    """An answer with a length."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


def chunked(*chunks: bytes, ended: bool = True) -> bytes:
    """An answer in chunks; without its end it is cut off."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + (b"0\r\n\r\n" if ended else b"")
