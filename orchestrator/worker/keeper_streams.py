"""What an evaluation prints while it runs: two files that are shown where they belong once something has been written to them."""

from __future__ import annotations

import errno
import os
import stat
from typing import Callable, Optional

from orchestrator.worker.keeper_files import TooLong, identity_at, identity_of, read_end, remove
from orchestrator.worker.output import store_output
from orchestrator.worker.trim import punch_middle, trim_file

LONGEST_LINE_BYTES = 1 << 18
LONGEST_ERRORS_BYTES = 4096

_MOST_OBSTACLES = 2  # a folder that is missing, a file that is there
_CHUNKS_BACK = 64  # the beginning of a line is searched for in so many pieces as long as the longest line that counts
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_AGAIN = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW


class Stream:
    """The file one output stream goes to: a spare one until something has been written.

    It is the file that was opened, whatever the evaluation makes of the name: that may be gone, or lead somewhere else by now.
    `place` is a descriptor of the folder the spare one is in.
    """

    def __init__(self, place: int, spare: str, final: str) -> None:
        self._place = place
        self._spare = spare
        self._final = final
        self._shown = False
        self.descriptor = -1
        self.written_bytes = 0  # known when measured

    def open(self) -> int:
        """A descriptor that appends to it, and is open until it is shut. Raises OSError."""
        self.descriptor = os.open(self._spare, _APPEND, 0o600, dir_fd=self._place)
        return self.descriptor

    def reopen(self) -> bool:
        """Instead of `open`, when whoever opened it has died: whether it is there."""
        try:
            self.descriptor = os.open(self._spare, _AGAIN, dir_fd=self._place)
        except OSError:
            return False
        return stat.S_ISREG(os.fstat(self.descriptor).st_mode)

    def shut(self) -> None:
        """Done with it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    @property
    def _path(self) -> str:
        """A name by which it can be opened as long as it is open."""
        return f"/proc/self/fd/{self.descriptor}"

    def look(self, limit_bytes: int) -> None:
        """While it is written to: show it where it belongs, and give back to the disk what is too much."""
        try:
            size = os.fstat(self.descriptor).st_size
            if size > 2 * limit_bytes:
                punch_middle(self.descriptor, limit_bytes)
            if size and not self._shown:
                self._into_place(self._link)
                self._shown = True
        except OSError:
            return  # removed by the evaluation, or no place to show it at: looked at again when it has ended

    def _link(self) -> None:
        os.link(
            self._path, self._final, src_dir_fd=self._place
        )  # with a descriptor, which is not used, links are followed

    def _move(self) -> None:
        os.rename(self._spare, self._final, src_dir_fd=self._place)

    def _into_place(self, move: Callable[[], None]) -> None:
        """Link or rename it; the folder is made when it is not there, what an interrupted start has left is replaced."""
        for _ in range(_MOST_OBSTACLES):
            try:
                move()
                return
            except FileExistsError:
                remove(self._final)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(self._final), 0o700, exist_ok=True)
        move()

    def measure(self) -> None:
        """Nothing writes to it any more: see how much it is."""
        self.written_bytes = os.fstat(self.descriptor).st_size

    def settle(self, limit_bytes: int) -> None:
        """After `measure`: trim it and move it where it belongs, or leave no trace. Raises OSError (a full disk)."""
        if not self.written_bytes:
            remove(self._final)  # of the same attempt, when an earlier start of it was interrupted
            return
        if self.written_bytes > limit_bytes:
            trim_file(self._path, limit_bytes)
        own = identity_of(os.fstat(self.descriptor))
        spare_is_own = identity_at(self._spare, place=self._place) == own
        if self._shown and identity_at(self._final) == own:
            if spare_is_own:
                self.discard()
        elif spare_is_own:
            self._move_or_copy(limit_bytes)
        else:
            self._copy(limit_bytes)

    def _move_or_copy(self, limit_bytes: int) -> None:
        try:
            self._into_place(self._move)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(limit_bytes)

    def _copy(self, limit_bytes: int) -> None:
        """Onto another file system, or of what has no name any more; it is empty afterwards. Raises OSError."""
        remove(self._final)
        spool = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            store_output(spool, self._final, limit_bytes=limit_bytes)
        finally:
            os.close(spool)

    def discard(self) -> None:
        """Leave nothing of it that the next evaluation would append to."""
        remove(self._spare, place=self._place)

    def end(self, limit_bytes: int) -> bytes:
        """The last bytes of it, before it is settled."""
        return read_end(self._path, limit_bytes)[0] if self.written_bytes else b""

    def last_object_line(self) -> Optional[str]:
        """The last line that is not blank, when a JSON object may be on it. Raises TooLong."""
        end = self.end(LONGEST_LINE_BYTES).rstrip()
        _, newline, line = end.rpartition(b"\n")
        if newline or self.written_bytes <= LONGEST_LINE_BYTES:
            line = line.strip()
            return line.decode("utf-8", "replace") if line.startswith(b"{") else None
        length = self._length_of_object_line() if end.endswith(b"}") else None
        if length is not None:
            raise TooLong("last_line", length, limit=LONGEST_LINE_BYTES)
        return None

    def _length_of_object_line(self) -> Optional[int]:
        """How long the last line is, when it begins with a brace or so far away that nobody looks; None when it is something else."""
        file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            start = self.written_bytes - LONGEST_LINE_BYTES  # behind it is no end of a line
            for _ in range(_CHUNKS_BACK):
                end, start = start, max(0, start - LONGEST_LINE_BYTES)
                before, newline, _ = os.pread(file, end - start, start).rpartition(b"\n")
                if newline or not start:
                    start += len(before) + len(newline)
                    if not os.pread(file, LONGEST_LINE_BYTES, start).lstrip().startswith(b"{"):
                        return None
                    break
            return self.written_bytes - start
        finally:
            os.close(file)
