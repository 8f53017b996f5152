"""Keeping the output of an evaluation within its limit: its beginning and its end stay, the middle goes.

While the file is written to, the middle is given back to the disk by punching a hole (the size stays, the blocks go). Once
nothing writes any more, the file is rewritten with a line where the middle was.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any, Optional

_KEEP_SIZE_AND_PUNCH = 0x01 | 0x02  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
_ROOM_FOR_NOTE = 80


def note_of(left_out_bytes: int) -> bytes:
    """The line that stands where the middle of an output was."""
    return b"\n[... %d bytes of output left out ...]\n" % left_out_bytes


def trim_file(path: str, limit_bytes: int) -> int:
    """Cut the file to its beginning and its end, at most `limit_bytes` in all. Returns the size it had.

    A limit that is too small for a note between them keeps the end only. Raises OSError.
    """
    with open(path, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= limit_bytes:
            return size
        beginning = max(0, limit_bytes - _ROOM_FOR_NOTE) // 2
        end = limit_bytes - beginning - (len(note_of(size)) if beginning else 0)
        note = note_of(size - beginning - end) if beginning else b""
        file.seek(size - end)
        kept = file.read(end)
        file.seek(beginning)
        file.write(note + kept)
        file.truncate()
    return size


def punch_middle(descriptor: int, limit_bytes: int) -> bool:
    """Give the blocks between the beginning and the end of a growing file back to the disk.

    Returns whether the file system can do that; `descriptor` must be open for writing. What is kept covers what `trim_file`
    keeps later, however much is written in between.
    """
    size = os.fstat(descriptor).st_size
    half = limit_bytes // 2 + 1
    start, length = half, size - limit_bytes - half
    if length <= 0:
        return True
    fallocate = _fallocate()
    if fallocate is None:
        return False
    return bool(fallocate(descriptor, _KEEP_SIZE_AND_PUNCH, ctypes.c_int64(start), ctypes.c_int64(length)) == 0)


def _fallocate() -> Optional[Any]:
    return getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)
