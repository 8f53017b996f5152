"""Looking at locks without taking part: which there are, which are held, and by whom."""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from orchestrator.locks.holder import Holder
from orchestrator.locks.names import ENDING, name_of
from orchestrator.worker import lock_files


class LockState(StrEnum):
    """What became of asking the kernel."""

    HELD = "held"  # somebody holds it
    FREE = "free"  # nobody does
    STALE = "stale"  # nobody does any more: the process that did has died, and whoever takes it next takes it over
    UNKNOWN = "unknown"  # this user may not look


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One lock at one instant."""

    path: Path
    state: LockState
    holder: Holder | None  # who the file names


def look(path: Path) -> Seen | None:
    """What is so with one lock file; None when there is none.

    Only the kernel knows, and says so only to who tries: a free lock is held, shared with other readers, for some microseconds.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.ELOOP}:
            raise
        return Seen(path=path, state=LockState.UNKNOWN, holder=None)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        free = _is_free(descriptor)
        holder = Holder.read(lock_files.read(descriptor))
    finally:
        os.close(descriptor)
    state = LockState.HELD if not free else LockState.FREE if holder is None else LockState.STALE
    return Seen(path=path, state=state, holder=holder)


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def survey(folder: Path) -> Iterator[tuple[str, Seen]]:
    """All named locks that were ever taken, by name. Raises OSError when the folder may not be read."""
    for path in sorted(folder.glob(f"*{ENDING}")):
        name = name_of(path)
        seen = look(path) if name else None
        if name and seen:
            yield name, seen
