"""Who else waits for a lock, and how one is waited for without a thread that cannot be called off."""

import os
import sys
from pathlib import Path

from orchestrator.worker import lock_waiter

PROC_LOCKS = Path("/proc/locks")


def waiting_command(descriptor: int) -> list[str]:
    """The command line of a process that ends with status 0 when the lock of this descriptor, which it inherits, has been got.

    It is then held by whoever else has the descriptor. It ends without when it is killed or when its standard input ends.
    """
    return [sys.executable, "-I", "-S", lock_waiter.__file__, str(descriptor)]


def is_wanted(descriptor: int) -> bool:
    """Whether another process is waiting for this lock. Where the kernel does not say, nobody is."""
    status = os.fstat(descriptor)
    place = f" {os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino} ".encode()
    try:
        lines = PROC_LOCKS.read_bytes().splitlines()
    except OSError:
        return False
    return any(b"-> FLOCK" in line and place in line for line in lines)
