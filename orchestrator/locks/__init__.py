"""PID lock files: take one, say who holds it, take over one its holder left behind.

A lock is a `flock` held for life on a file that is never unlinked; the kernel gives it back when its holder dies, so nothing is
ever unlocked by hand. What the file says is for people. Not allowed here: anything but the standard library, deciding by what
the file says.
"""

from orchestrator.locks.identity import ProcessIdentity, boot_id, identity_of
from orchestrator.locks.pid_file import Holder, Taken, last_holder, take

__all__ = ["Holder", "ProcessIdentity", "Taken", "boot_id", "identity_of", "last_holder", "take"]
