"""PID lock files: take one, say who holds it, take over one its holder left behind; look at all of them.

A lock is a `flock` held for life on a file that is never unlinked; the kernel gives it back when its holder dies, so nothing is
ever unlocked by hand. What the file says is for people. Not allowed here: anything but the standard library, deciding by what
the file says.
"""

from orchestrator.locks.holder import Holder
from orchestrator.locks.identity import ProcessIdentity, boot_id, identity_of
from orchestrator.locks.names import file_of, make_folder, problem_of_name
from orchestrator.locks.pid_file import Taken, last_holder, open_file, seize, take, taken_over, try_take
from orchestrator.locks.survey import LockState, Seen, look, survey
from orchestrator.locks.waiting import is_wanted, waiting_command

__all__ = [
    "Holder",
    "LockState",
    "ProcessIdentity",
    "Seen",
    "Taken",
    "boot_id",
    "file_of",
    "identity_of",
    "is_wanted",
    "last_holder",
    "look",
    "make_folder",
    "open_file",
    "problem_of_name",
    "seize",
    "survey",
    "take",
    "taken_over",
    "try_take",
    "waiting_command",
]
