"""One PID lock file.

Liveness is "can the lock be taken", never "does the pid exist". An emptied file says that the last holder left in order; one that
still names a holder while nobody holds the lock was left behind by a holder that died, and is taken over.
"""

import errno
import fcntl
import os
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.errors import LockHeld
from orchestrator.locks.holder import Holder
from orchestrator.worker import lock_files

GLANCES = 20
GLANCE_SECONDS = 0.001
"""A reader that looks whether a lock is held holds it for some microseconds itself: nobody is refused for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A lock that is held now, by all copies of its descriptor."""

    path: Path
    holder: Holder
    stale: Holder | None  # who died holding it, when it was taken over
    descriptor: int  # not inherited by child processes

    def give_back(self) -> None:
        """End it for all copies. Once only."""
        lock_files.give_back(self.descriptor)

    def leave(self) -> None:
        """Close this copy: the lock is up to whoever has others."""
        os.close(self.descriptor)


@contextmanager
def take(path: Path, *, command: Sequence[str] | None = None, mode: int = 0o600) -> Iterator[Taken]:
    """Hold the lock within the block; never waits. `command` is what readers are told, by default this process's own.

    Raises LockHeld, naming the holder, when another process (or another block of this one) holds it, and OSError when the file
    cannot be opened. Child processes started meanwhile do not inherit it.
    """
    taken = seize(path, command=command, mode=mode)
    try:
        yield taken
    finally:
        taken.give_back()


def seize(path: Path, *, command: Sequence[str] | None = None, mode: int = 0o600) -> Taken:
    """The lock, to be given back by the caller. Raises as `take` does."""
    for _ in range(GLANCES):
        taken = try_take(path, command=command, mode=mode)
        if taken is not None:
            return taken
        time.sleep(GLANCE_SECONDS)
    raise LockHeld(f"{path} is held by {last_holder(path) or 'a process that has not yet written who it is'}")


def try_take(
    path: Path, *, command: Sequence[str] | None = None, ref: str | None = None, mode: int = 0o600
) -> Taken | None:
    """The lock, to be given back by the caller; None when somebody holds it. Raises OSError when the file cannot be opened."""
    while True:
        descriptor = open_file(path, mode=mode)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = taken_over(descriptor, path, command=command, ref=ref)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        if taken is not None:
            return taken
        os.close(descriptor)


def open_file(path: Path, *, mode: int = 0o600) -> int:
    """A descriptor of a lock file, which is made when there is none. Raises OSError; symbolic links and the like are refused."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(
            path, flags
        )  # the kernel refuses O_CREAT for a file of somebody else in a folder like /tmp
    except FileNotFoundError:
        descriptor = _new_file(path, flags=flags, mode=mode)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no file of its own, as a lock file must be", str(path))
    return descriptor


def _new_file(path: Path, *, flags: int, mode: int) -> int:
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return os.open(path, flags)
    os.fchmod(descriptor, mode)  # whatever the umask is
    return descriptor


def taken_over(
    descriptor: int, path: Path, *, command: Sequence[str] | None = None, ref: str | None = None
) -> Taken | None:
    """Write this process into a file whose lock it has just got; None when the path leads to another file by now."""
    if not _is_at(descriptor, path):
        return None
    stale = Holder.read(lock_files.read(descriptor))
    holder = Holder.of_this_process(sys.orig_argv if command is None else command, ref=ref)
    lock_files.write(descriptor, asdict(holder))
    return Taken(path=path, holder=holder, stale=stale, descriptor=descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """Lock files are never unlinked; where somebody has done it all the same, two would hold a lock of one name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def last_holder(path: Path) -> Holder | None:
    """Who the file names: the holder, or one that died holding it. None when nobody, or when there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        return Holder.read(lock_files.read(descriptor))
    finally:
        os.close(descriptor)
