"""The Unix socket: bound so that it never exists with the wrong mode, and replaced only when nobody listens behind it."""

import os
import secrets
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import Conflict, InvalidRequest, LockHeld, PermissionRefused

LONGEST_BYTES = 107  # sun_path of Linux is 108 bytes, the last of them zero
PRIVATE_MODE = 0o600
GROUP_MODE = 0o660
BACKLOG = 1024
_ANSWER_SECONDS = 1.0


@contextmanager
def bind(path: Path, *, mode: int = PRIVATE_MODE, gid: int | None = None) -> Iterator[socket.socket]:
    """Listen at `path` until the block is left; the caller holds the daemon's lock.

    The socket is made under another name in the same folder, given its mode and group, made to listen, then renamed: whoever finds it
    finds it complete. A missing folder is made for the owner alone. On leaving, the file is removed if it is still this socket.
    Raises LockHeld when another process answers there, Conflict when something else than a socket is there, InvalidRequest when the
    path is too long, PermissionRefused when the system does not let us.
    """
    temporary = path.with_name(f".{secrets.token_hex(4)}")
    _check_length(path, temporary)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_free(path)
        listener = _listen(temporary, mode=mode, gid=gid)
    except PermissionError as error:
        raise _refused(path, error) from error
    with listener:
        try:
            identity = _identity(temporary)
            temporary.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        try:
            yield listener
        finally:
            if _identity(path) == identity:
                path.unlink(missing_ok=True)


def adopt(listener: socket.socket) -> socket.socket:
    """A listening socket somebody else bound (socket activation), made ready to serve. Raises InvalidRequest when it is none."""
    if listener.family != socket.AF_UNIX or listener.type != socket.SOCK_STREAM:
        raise InvalidRequest(
            "the socket that was passed is no Unix stream socket", hint="use ListenStream=/path in the socket unit"
        )
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise InvalidRequest("the socket that was passed does not listen", hint="use Accept=no in the socket unit")
    listener.setblocking(False)  # noqa: FBT003 - the standard library takes it by position
    return listener


def _check_length(path: Path, temporary: Path) -> None:
    for candidate in (path, temporary):
        length = len(os.fsencode(candidate))
        if length > LONGEST_BYTES:
            raise InvalidRequest(
                f"the socket's path is too long: {candidate} has {length} bytes, the kernel allows {LONGEST_BYTES}",
                hint="name a shorter one with --socket or $ORCHESTRATOR_SOCKET",
            )


def _check_free(path: Path) -> None:
    """Whether `path` may be taken: nothing is there, or a socket that refuses connections."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise Conflict(f"{path} exists and is no socket", hint="move it away, or name another socket with --socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_ANSWER_SECONDS)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except (BlockingIOError, TimeoutError):
            pass  # somebody listens whose queue is full
    raise LockHeld(f"another process is listening on {path}", hint="orc status asks it; orc stop ends it")


def _listen(path: Path, *, mode: int, gid: int | None) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(
            listener.fileno(), mode
        )  # Linux makes the file with this mode, whatever the umask of the moment leaves
        listener.bind(os.fspath(path))
        if gid is not None:
            os.chown(path, -1, gid, follow_symlinks=False)
        path.chmod(mode)
        listener.listen(BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - the standard library takes it by position
    except BaseException:
        listener.close()
        path.unlink(missing_ok=True)
        raise
    return listener


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _refused(path: Path, error: PermissionError) -> PermissionRefused:
    return PermissionRefused(
        f"cannot listen at {path}: {error.strerror}", hint="name a folder you may write to with --socket or --state-dir"
    )
