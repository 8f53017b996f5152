"""One PID lock file.

Liveness is "can the lock be taken", never "does the pid exist". An emptied file says that the last holder left in order; one that
still names a holder while nobody holds the lock was left behind by a holder that died, and is taken over.
"""

import fcntl
import json
import os
import shlex
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.errors import LockHeld
from orchestrator.locks.identity import identity_of

LONGEST_BYTES = 8192
COMMAND_LENGTH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who wrote itself into a lock file."""

    pid: int
    start_ticks: int
    boot_id: str
    started: str  # when it took the lock, RFC 3339 UTC
    command: str
    host: str

    def __str__(self) -> str:
        elsewhere = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"pid {self.pid}{elsewhere}, since {self.started}: {self.command}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A lock that is held now."""

    path: Path
    holder: Holder
    stale: Holder | None  # who died holding it, when it was taken over


@contextmanager
def take(path: Path, *, command: Sequence[str] | None = None, mode: int = 0o600) -> Iterator[Taken]:
    """Hold the lock within the block; never waits. `command` is what readers are told, by default this process's own.

    Raises LockHeld, naming the holder, when another process (or another block of this one) holds it, and OSError when the file
    cannot be opened. Child processes started meanwhile do not inherit it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        _lock(descriptor, path)
        stale = _read(descriptor)
        holder = _myself(sys.orig_argv if command is None else command)
        _write(descriptor, json.dumps(asdict(holder)))
        try:
            yield Taken(path=path, holder=holder, stale=stale)
        finally:
            os.ftruncate(descriptor, 0)
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing would leave it to a child that is just being started
    finally:
        os.close(descriptor)


def last_holder(path: Path) -> Holder | None:
    """Who the file names: the holder, or one that died holding it. None when nobody, or when there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        return _read(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _read(descriptor)
        who = f"{holder}" if holder else "a process that has not yet written who it is"
        raise LockHeld(f"{path} is held by {who}") from None


def _myself(command: Sequence[str]) -> Holder:
    identity = identity_of(os.getpid())
    return Holder(
        pid=os.getpid(),
        start_ticks=identity.start_ticks if identity else 0,
        boot_id=identity.boot_id if identity else "",
        started=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        command=shlex.join(command)[:COMMAND_LENGTH],
        host=socket.gethostname(),
    )


def _write(descriptor: int, text: str) -> None:
    """One line in one write, then the rest cut off: a reader, who takes the first line, sees the old or the new holder."""
    line = f"{text}\n".encode()
    os.pwrite(descriptor, line, 0)
    os.ftruncate(descriptor, len(line))


def _read(descriptor: int) -> Holder | None:
    line, end, _ = os.pread(descriptor, LONGEST_BYTES, 0).partition(b"\n")
    if not end:
        return None
    try:
        return Holder(**json.loads(line))
    except (ValueError, TypeError):
        return None
