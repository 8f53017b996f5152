"""What an evaluation forks and forgets to end: it comes back out of the user's code as if it were the worker."""

from __future__ import annotations

import os
from typing import Optional

_getpid, _exit = os.getpid, os._exit  # an evaluation may have put something else in their places


def end_if_forked(process: int, error: Optional[BaseException] = None) -> None:
    """End at once, without a word to anybody, unless this is the process of that number.

    The exit status is what an interpreter would leave with: that of a SystemExit, 1 after any other error, else 0.
    """
    if _getpid() != process:
        _exit(_status(error))


def _status(error: Optional[BaseException]) -> int:
    if not isinstance(error, SystemExit):
        return 0 if error is None else 1
    code = error.code
    return 0 if code is None else code & 0xFF if isinstance(code, int) else 1
