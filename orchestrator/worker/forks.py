"""What an evaluation forks and forgets to end: it comes back out of the user's code as if it were the worker.

Each process counts the forks it descends from, so that to look whether one has come back costs no call of the system: 0.2 µs of the 3
an evaluation takes at the least.
"""

from __future__ import annotations

import os
from typing import Optional

_getpid, _exit = os.getpid, os._exit  # an evaluation may have put something else in their places


class Forks:
    """How many lie between the process that was started and this one."""

    count = 0


def _count() -> None:
    Forks.count += 1


os.register_at_fork(after_in_child=_count)


def end_if_forked(process: int, error: Optional[BaseException] = None) -> None:
    """End at once, as `end_fork` does, unless this is the process of that number: also what was forked past the interpreter."""
    if _getpid() != process:
        end_fork(error)


def end_fork(error: Optional[BaseException]) -> None:
    """End at once, without a word to anybody.

    The exit status is what an interpreter would leave with: that of a SystemExit, 1 after any other error, else 0.
    """
    _exit(_status(error))


def _status(error: Optional[BaseException]) -> int:
    if not isinstance(error, SystemExit):
        return 0 if error is None else 1
    code = error.code
    return 0 if code is None else code & 0xFF if isinstance(code, int) else 1
