"""daemon.log of a background daemon: standard output and error go there, and it never grows beyond its limit."""

import os
from pathlib import Path

STDOUT, STDERR = 1, 2


class LogFile:
    """A text sink that becomes descriptors 1 and 2; at its limit the file is renamed to `.1` and begun anew.

    A write that fails (disk full) is dropped: the daemon must not stop because it cannot complain.
    """

    def __init__(self, path: Path, *, limit_bytes: int) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._open()

    def write(self, text: str) -> int:
        """Append; whole lines are what callers write, so that no line is torn between the files."""
        data = text.encode(errors="backslashreplace")
        try:
            if os.fstat(STDOUT).st_size + len(data) > self._limit_bytes:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                self._open()
            os.write(STDOUT, data)
        except OSError:
            return 0
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def _open(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.dup2(descriptor, STDOUT)
        os.dup2(descriptor, STDERR)
        os.close(descriptor)


class Stream:
    """A text sink over a descriptor that nobody need be reading any more: a closed terminal must not end the daemon."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        """Write all of it, or as much as the other side still takes."""
        data = memoryview(text.encode(errors="backslashreplace"))
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            return 0
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""
