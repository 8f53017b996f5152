"""Where an evaluation's files are while it runs: places that are used again, as making files is slow and most commands print little.

A berth holds the parameters, the result file, the scratch folder and the two streams. A stream that was written to is shown where
its output belongs at the first look while it runs (each second), and moved there at its end. Empty ones stay for the next
evaluation, so that one that prints nothing leaves no file and costs none.
"""

from __future__ import annotations

import errno
import os
from typing import Callable, Dict, List, Optional

from orchestrator.worker.output import store_output
from orchestrator.worker.trim import punch_middle, trim_file

LONGEST_RESULT_BYTES = 1 << 20
LONGEST_LINE_BYTES = 1 << 18
LONGEST_ERRORS_BYTES = 4096

_MOST_OBSTACLES = 2  # a folder that is missing, a file that is there
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_REWRITE = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Stream:
    """The file one output stream goes to: a spare one until something has been written."""

    def __init__(self, spare: str, final: str) -> None:
        self._spare = spare
        self._final = final
        self._shown = False
        self.written_bytes = 0  # known when measured

    def open(self) -> int:
        """A descriptor that appends to it. Raises OSError."""
        return os.open(self._spare, _APPEND, 0o600)

    def look(self, limit_bytes: int) -> None:
        """While it is written to: show it where it belongs, and give back to the disk what is too much."""
        try:
            size = os.stat(self._spare).st_size
            if size > 2 * limit_bytes:
                self._punch(limit_bytes)
            if size and not self._shown:
                self._into_place(os.link)
                self._shown = True
        except OSError:
            return  # removed by the evaluation, or no place to show it at: looked at again when it has ended

    def _punch(self, limit_bytes: int) -> None:
        descriptor = os.open(self._spare, os.O_WRONLY | os.O_CLOEXEC)
        try:
            punch_middle(descriptor, limit_bytes)
        finally:
            os.close(descriptor)

    def _into_place(self, move: Callable[[str, str], None]) -> None:
        """Link or rename it; the folder is made when it is not there, what an interrupted start has left is replaced."""
        for _ in range(_MOST_OBSTACLES):
            try:
                move(self._spare, self._final)
                return
            except FileExistsError:
                remove(self._final)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(self._final), 0o700, exist_ok=True)
        move(self._spare, self._final)

    def measure(self) -> None:
        """Nothing writes to it any more: see how much it is."""
        try:
            self.written_bytes = os.stat(self._spare).st_size
        except FileNotFoundError:
            self.written_bytes = 0  # the evaluation has removed it

    def close(self, limit_bytes: int) -> None:
        """After `measure`: trim it and move it where it belongs, or leave no trace. Raises OSError (a full disk)."""
        if not self.written_bytes:
            remove(self._final)  # of the same attempt, when an earlier start of it was interrupted
            return
        try:
            if self.written_bytes > limit_bytes:
                trim_file(self._spare, limit_bytes)
            self._into_place(os.rename)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(limit_bytes)
        if self._shown:
            remove(self._spare)  # the second name of one file is not moved onto the first

    def _copy(self, limit_bytes: int) -> None:
        """Onto another file system; the spare one is empty afterwards. Raises OSError."""
        spool = os.open(self._spare, os.O_RDWR | os.O_CLOEXEC)
        try:
            store_output(spool, self._final, limit_bytes=limit_bytes)
        finally:
            os.close(spool)

    def discard(self) -> None:
        """Leave nothing of it that the next evaluation would append to."""
        remove(self._spare)

    def end(self, limit_bytes: int) -> bytes:
        """The last bytes of it, before it is closed."""
        return read_end(self._spare, limit_bytes) if self.written_bytes else b""


class Berth:
    """One place. Its paths are what the evaluation is told."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.parameters = os.path.join(folder, "params.json")
        self.result = os.path.join(folder, "result")
        self.scratch = os.path.join(folder, "scratch")
        self.out = os.path.join(folder, "out")
        self.err = os.path.join(folder, "err")
        os.makedirs(self.scratch, 0o700)

    def environment(self) -> Dict[str, str]:
        """How an evaluation finds its files."""
        return {"ORC_PARAMS": self.parameters, "ORC_RESULT": self.result, "ORC_SCRATCH": self.scratch}

    def furnish(self, parameters: str) -> None:
        """Write the parameters. Raises OSError."""
        content = parameters.encode()
        descriptor = os.open(self.parameters, _REWRITE, 0o600)
        try:  # written over, then cut: ext4 writes a file to the disk at once when it had been cut to nothing
            if os.write(descriptor, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.parameters)
            os.ftruncate(descriptor, len(content))
        finally:
            os.close(descriptor)

    def take_result(self) -> Optional[str]:
        """What the evaluation wrote to its result file, which is gone afterwards; None when it did not."""
        text = read_end(self.result, LONGEST_RESULT_BYTES)
        return text.decode("utf-8", "replace") if text and remove(self.result) else None

    def take_scratch(self, keep_as: str) -> Optional[str]:
        """Put the scratch folder aside when something is in it: the path it has then."""
        try:
            if not os.listdir(self.scratch):
                return None
            os.rename(self.scratch, keep_as)
        except OSError:  # removed, or made unreadable, by the evaluation
            return None
        os.mkdir(self.scratch, 0o700)
        return keep_as


class Berths:
    """All places below one folder; `scratch` is where scratch folders are put aside."""

    def __init__(self, folder: str, *, scratch: str) -> None:
        self._folder = folder
        self._scratch = scratch
        self._free: List[Berth] = []
        self._made = 0

    def take(self) -> Berth:
        """A free one. Raises OSError."""
        if self._free:
            return self._free.pop()
        self._made += 1
        return Berth(os.path.join(self._folder, str(self._made)))

    def give_back(self, berth: Berth) -> None:
        """Nothing uses it any more, and it is as it was."""
        self._free.append(berth)

    def aside(self, token: str) -> str:
        """Where the scratch folder of an evaluation is put when something is in it."""
        return os.path.join(self._scratch, token)


def remove(path: str) -> bool:
    """Whether there was something to be removed."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def read_end(path: str, limit_bytes: int) -> bytes:
    """The end of a file; nothing when it is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        start = max(0, os.lseek(descriptor, 0, os.SEEK_END) - limit_bytes)
        return os.pread(descriptor, limit_bytes, start)
    except OSError:  # it made something else of it than a file
        return b""
    finally:
        os.close(descriptor)


def last_object_line(output: bytes) -> Optional[str]:
    """The last line that is not blank, when a JSON object may be on it."""
    line = output.rstrip().rpartition(b"\n")[2].strip()
    return line.decode("utf-8", "replace") if line.startswith(b"{") else None
