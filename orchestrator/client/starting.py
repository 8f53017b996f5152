"""Start a private background daemon and wait until it answers.

The child gets `--ready-fd N`, the writing end of a pipe: it writes one byte when its socket listens. When the pipe closes without
one, the child has died; status 5 means that another daemon holds the state directory, which is then waited for.
"""

import os
import select
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from orchestrator import places
from orchestrator.client.door import Door
from orchestrator.client.program import command, small_environment, with_package
from orchestrator.errors import NoDaemon

READY_SECONDS = 60.0
LOG_BYTES = 5 * 1024 * 1024
SHOWN_LINES = 8
SHOWN_COLUMNS = 300
LOCK_HELD_STATUS = 5

_left_alone: set[int] = set()
"""Daemons this process started. They outlive it; one that has ended before is reaped at the next start."""


def _open_log(path: Path) -> int:
    """The log, opened for appending; a full one is put aside first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _arguments(door: Door, ready: int) -> list[str]:
    settings = [] if door.settings_file is None else ["--config", str(door.settings_file)]
    places_given = ["--state-dir", str(door.state_directory), "--socket", str(door.sockets[0])]
    return command("daemon", "--background", "--ready-fd", str(ready), *places_given, *settings)


def _spawn(door: Door, ready: int, *, log: int, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and package
        _arguments(door, ready),
        cwd="/",
        env=with_package(small_environment(environ)),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(ready,),
        start_new_session=True,
    )


def _became_ready(pipe: int) -> bool | None:
    """Whether the byte came; False when the pipe closed without it, None when the time was up."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return os.read(pipe, 1) != b"" if poll.poll(READY_SECONDS * 1000) else None


def _last_lines(log: Path, start: int) -> str:
    """What the daemon said since `start`: its words for people, which follow the structured lines, else the last of those."""
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read(LOG_BYTES).decode("utf-8", "replace").splitlines()
    words = [line for line in lines if not line.startswith("{")]
    return "\n".join(f"  {line[:SHOWN_COLUMNS]}" for line in (words or lines)[-SHOWN_LINES:])


def _died(process: subprocess.Popen[bytes], log: Path, *, start: int) -> NoDaemon:
    last = _last_lines(log, start)
    said = f"; it said:\n{last}" if last else ""
    return NoDaemon(f"a daemon was started and ended at once with status {process.returncode}{said}", hint=f"see {log}")


def _reap() -> None:
    for pid in tuple(_left_alone):
        try:
            ended, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            ended = pid
        if ended:
            _left_alone.discard(pid)


def _start(door: Door, log: Path, *, environ: Mapping[str, str]) -> int | None:
    """The daemon's pid once it listens, None when another one holds the state directory."""
    log_file = _open_log(log)
    start = os.fstat(log_file).st_size
    receive, ready = os.pipe()
    try:
        process = _spawn(door, ready, log=log_file, environ=environ)
        os.close(ready)
        ready = -1
        came = _became_ready(receive)
        if came is False and process.wait() == LOCK_HELD_STATUS:
            return None
        if came is False:
            raise _died(process, log, start=start)
        _left_alone.add(process.pid)
        process.returncode = 0  # it is not ours to wait for: it outlives us
    finally:
        for descriptor in (log_file, receive, ready):
            if descriptor >= 0:
                os.close(descriptor)
    if came is None:
        raise NoDaemon(
            f"a daemon was started (pid {process.pid}) but is not ready after {READY_SECONDS:g} s", hint=f"see {log}"
        )
    return process.pid


def start_daemon(door: Door, *, environ: Mapping[str, str], announce: Callable[[str], None]) -> bool:
    """Start one for this door and say so. False: another one holds the state directory, its socket will come.

    Raises NoDaemon, with the last lines of its log, when it ended before it listened.
    """
    _reap()
    log = places.daemon_log(door.state_directory)
    try:
        pid = _start(door, log, environ=environ)
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        message = f"no daemon is listening and none could be started: {place}{error.strerror}"
        raise NoDaemon(message, hint="see --state-dir") from error
    if pid is not None:
        announce(f"started a private daemon in the background (pid {pid}, log {log})")
    return pid is not None
