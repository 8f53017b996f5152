"""Looking for processes that should not be there any more."""

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def processes_about(text: str) -> dict[int, str]:
    """Processes that have the text in their command line, environment or current directory: pid to command line."""
    return {pid: command for pid, command in _all() if _is_about(pid, text)}


def processes_left(text: str, *, seconds: float = 5.0) -> dict[int, str]:
    """Those that have not ended within that time: a helper that ends when its parent has needs a moment."""
    found = processes_about(text)
    deadline = time.monotonic() + seconds
    for pid in found:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        with os.fdopen(descriptor):
            select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
    return processes_about(text) if found else {}


def kill_all_about(text: str) -> None:
    """Clean up after a failed test: the text is a folder only its processes know."""
    for pid in processes_about(text):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _all() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            command = _read(entry / "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
            if command:  # neither a kernel thread nor a zombie
                yield int(entry.name), command


def _is_about(pid: int, text: str) -> bool:
    folder = Path(f"/proc/{pid}")
    wanted = text.encode()
    if wanted in _read(folder / "cmdline") or wanted in _read(folder / "environ"):
        return True
    try:
        return text in str((folder / "cwd").readlink())
    except OSError:
        return False


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
