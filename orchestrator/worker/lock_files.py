"""Lock files as whoever holds their descriptors sees them: what they say, and how they are given back.

A lock is a `flock` on an open file. All copies of that open file hold the lock together, in whatever process they are (inherited,
or passed over a socket): it comes back when the last copy is closed, or at once when one of them gives it back.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from typing import Any, Dict, Optional

LONGEST_BYTES = 8192


def read(descriptor: int) -> Optional[Dict[str, Any]]:
    """What the file says of its holder; None when it says nothing, or nothing that can be understood."""
    line, end, _ = os.pread(descriptor, LONGEST_BYTES, 0).partition(b"\n")
    if not end:
        return None
    try:
        facts = json.loads(line)
    except ValueError:
        return None
    return facts if isinstance(facts, dict) else None


def write(descriptor: int, facts: Dict[str, Any]) -> None:
    """One line in one write, then the rest cut off: a reader, who takes the first line, sees the old or the new holder.

    Where there is no room for it nobody is named: the lock is held by its descriptor, not by what the file says.
    """
    line = json.dumps(facts).encode() + b"\n"
    try:
        written = os.pwrite(descriptor, line, 0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        written = 0
    os.ftruncate(descriptor, len(line) if written == len(line) else 0)


def sign(descriptor: int, *, pid: int, start_ticks: Optional[int]) -> None:
    """Write a process over the one the file names: the lock is held for it from now on."""
    facts = read(descriptor)
    if facts is not None:
        write(descriptor, {**facts, "pid": pid, "start_ticks": start_ticks or 0})


def give_back(descriptor: int) -> None:
    """End the lock for all copies, with an emptied file: left in order. Nothing happens when another copy has ended it before."""
    try:
        fcntl.flock(
            descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB
        )  # nothing new where it is held; else somebody else may have it
        os.ftruncate(descriptor, 0)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)
