"""Waits for a lock in a process of its own: `python -I -S lock_waiter.py FD`.

A wait in flock cannot be called off from within its process; killing a process always works. FD is an inherited copy of whoever's
lock file: the wait over, the lock is theirs, and this leaves with status 0. It leaves without when its standard input ends.
"""

from __future__ import annotations

import fcntl
import os
import sys
import threading

CALLED_OFF = 3


def _leave_when_called_off() -> None:
    os.read(0, 1)
    os._exit(CALLED_OFF)


if __name__ == "__main__":
    threading.Thread(target=_leave_when_called_off, daemon=True).start()
    fcntl.flock(int(sys.argv[1]), fcntl.LOCK_EX)
    os._exit(0)
