"""The journal of a batch: a memory file in which the child notes what it does, by plain memory copies.

The daemon makes the file before the child and reads it only when it needs to: at a deadline, when a batch has died, and when the
child rings the bell, an eventfd, because an evaluation has reported something. It reads with `pread` and never maps the file, so that
nothing a workload does to it can hurt the daemon. Layout, in the machine's byte order:

    word 0     magic number and version                       (a word is 8 bytes)
    word 1     end: offset behind the last whole frame; written after the frame it covers, so that a torn frame is not seen
    word 2     position, plus one, of the evaluation that executes; 0 when none does
    word 3     monotonic nanoseconds at which it began
    word 4     1 while the workload is being imported, on account of that evaluation
    word 5, 6  bytes of its stdout and stderr that the daemon has cut away already (written by the daemon)
    word 7     identifier of the thread that executes it
    word 8     how many notes the batch has written
    word 9     position, plus one, of an evaluation that is to end at its next report (written by the daemon)
    128 …      frames: kind, position, size (4 bytes each, then 4 unused), `size` bytes, filled up to a multiple of 8

A batch begins with all words but the first set to 0 by the daemon. The file grows by doubling.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
import time
from typing import NamedTuple

MAGIC = 0x4F52434A_00000001
HEADER_BYTES = 128
INITIAL_BYTES = 256 * 1024
SHRINK_BYTES = 8 * 1024 * 1024
"""A batch begins with a file of the initial size when the last one left it larger than this."""

METRICS = 1  # a success: the packed numbers of `outcomes.pack_success`, then the metrics as JSON
OUTCOME = 2  # any other outcome, as JSON
NOTE = 3  # something a running evaluation reports: {"report": …}, {"cost": …} or {"artifact": …}

_END, _EXECUTING, _STARTED, _LOADING, _CUT_OUT, _CUT_ERR, _THREAD, _NOTES, _PRUNED = range(1, 10)
_HEADER = struct.Struct("=8Q")  # the words that say what is going on
_WHOLE_HEADER = struct.Struct("=16Q")
_FRAME = struct.Struct("=IIII")
_RING = struct.pack("=Q", 1)


class Glance(NamedTuple):
    """The words of a journal."""

    end: int
    executing: int | None  # position in the batch
    started_ns: int  # monotonic
    loading: bool
    thread: int


IDLE = Glance(0, None, 0, loading=False, thread=0)
"""Of a lane that nothing has been sent to."""


class Frame(NamedTuple):
    """One thing that was noted about one evaluation."""

    kind: int
    position: int
    payload: bytes


class Journal:
    """The child's side: writes. One thread at an instant."""

    def __init__(self, descriptor: int, *, bell: int | None = None) -> None:
        self._descriptor = descriptor
        self._end = HEADER_BYTES
        self._bell = bell
        self._bell_as_given = None if bell is None else os.fstat(bell)
        self._map_file(os.fstat(descriptor).st_size)

    def _map_file(self, size: int) -> None:
        self._memory = mmap.mmap(self._descriptor, size)
        self._words = memoryview(self._memory)[:HEADER_BYTES].cast("Q")
        self._size = size

    def _resize(self, size: int) -> None:
        self._words.release()
        self._memory.close()
        os.ftruncate(self._descriptor, size)
        self._map_file(size)

    def begin_batch(self) -> None:
        """Start writing at the beginning; the daemon has cleared the words."""
        self._end = HEADER_BYTES
        if self._size > SHRINK_BYTES:
            self._resize(INITIAL_BYTES)
        self._words[_THREAD] = threading.get_ident()

    def begin(self, position: int) -> None:
        """From now on this evaluation executes."""
        words = self._words
        words[_STARTED] = time.monotonic_ns()
        words[_EXECUTING] = position + 1

    def loading(self, *, under_way: bool) -> None:
        """Whether the workload is being imported on account of the first evaluation."""
        self._words[_LOADING] = under_way
        if under_way:
            self.begin(0)
        else:
            self._words[_EXECUTING] = 0

    def finish(self, position: int, kind: int, payload: bytes) -> None:
        """Note an outcome: from now on the evaluation has ended."""
        self.write(position, kind, payload)
        self._words[_EXECUTING] = 0

    def write(self, position: int, kind: int, payload: bytes) -> None:
        """Add a frame. The word that makes it count is written last."""
        start = self._end
        size = len(payload)
        first = start + 16
        end = first + ((size + 7) & ~7)
        if end > self._size:
            self._resize(max(2 * self._size, end))
        memory = self._memory
        _FRAME.pack_into(memory, start, kind, position, size, 0)
        memory[first : first + size] = payload
        self._end = self._words[_END] = end

    def note(self, position: int, payload: bytes) -> bool:
        """Add something a running evaluation reports and ring; whether it is to end. One that has ended has nothing to report."""
        words = self._words
        if words[_EXECUTING] != position + 1:
            return False
        self.write(position, NOTE, payload)
        words = self._words  # the file may have grown
        words[_NOTES] += 1
        self._ring()
        return words[_PRUNED] == position + 1

    def _ring(self) -> None:
        """Unless the workload has closed the bell: its number may lead to one of the workload's own files by now."""
        if self._bell is None or self._bell_as_given is None:
            return
        try:
            if os.path.samestat(os.fstat(self._bell), self._bell_as_given):
                os.write(self._bell, _RING)
        except OSError:
            self._bell = None

    def take_cut(self) -> tuple[int, int]:
        """How many bytes of stdout and stderr the daemon cut away; forgotten by this call."""
        words = self._words
        cut = words[_CUT_OUT], words[_CUT_ERR]
        words[_CUT_OUT] = words[_CUT_ERR] = 0
        return cut


def create(name: str) -> int:
    """A new journal for a child that is not started yet: the descriptor of its memory file."""
    descriptor = os.memfd_create(name)
    os.ftruncate(descriptor, INITIAL_BYTES)
    clear(descriptor)
    return descriptor


def clear(descriptor: int) -> None:
    """Forget the last batch. The child must not use this journal at the moment."""
    os.pwrite(descriptor, _WHOLE_HEADER.pack(MAGIC, *[0] * 15), 0)


def add_cut(descriptor: int, *, out: int, err: int) -> None:
    """Note that the daemon cut away so many more bytes of the executing evaluation's output."""
    had_out, had_err = read_cut(descriptor)
    os.pwrite(descriptor, struct.pack("=QQ", had_out + out, had_err + err), 8 * _CUT_OUT)


def read_cut(descriptor: int) -> tuple[int, int]:
    """How many bytes of the executing evaluation's stdout and stderr were cut away."""
    out, err = struct.unpack("=QQ", os.pread(descriptor, 16, 8 * _CUT_OUT))
    return out, err


def noted(descriptor: int) -> int:
    """How many notes the batch has written."""
    found = os.pread(descriptor, 8, 8 * _NOTES)
    return int.from_bytes(found, sys.byteorder) if len(found) == 8 else 0  # noqa: PLR2004 - a word


def prune(descriptor: int, position: int) -> None:
    """Let the evaluation at this position end at its next report."""
    os.pwrite(descriptor, struct.pack("=Q", position + 1), 8 * _PRUNED)


def glance(descriptor: int) -> Glance:
    """What the child does at this moment."""
    header = os.pread(descriptor, _HEADER.size, 0)
    if len(header) < _HEADER.size:
        return IDLE
    words = _HEADER.unpack(header)
    executing = words[_EXECUTING]
    return Glance(
        words[_END],
        executing - 1 if executing else None,
        words[_STARTED],
        bool(words[_LOADING]),
        words[_THREAD],
    )


def frames(descriptor: int) -> list[Frame]:
    """All whole frames, oldest first. What does not make sense (a workload wrote over it) ends the list."""
    return frames_from(descriptor, HEADER_BYTES)[0]


def frames_from(descriptor: int, start: int) -> tuple[list[Frame], int]:
    """The whole frames from an offset on, and the offset behind them."""
    end = min(glance(descriptor).end, os.fstat(descriptor).st_size)
    content = os.pread(descriptor, max(0, end - start), start)
    found: list[Frame] = []
    place = 0
    while place + _FRAME.size <= len(content):
        kind, position, size, _ = _FRAME.unpack_from(content, place)
        first = place + _FRAME.size
        if kind not in (METRICS, OUTCOME, NOTE) or first + size > len(content):
            break
        found.append(Frame(kind, position, content[first : first + size]))
        place = first + ((size + 7) & ~7)
    return found, start + place
