"""Other programs that want the core this process runs on."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def crowded(neighbours: int) -> Iterator[None]:
    """Within, this thread, and what it starts, shares its first core with so many processes that compute all the time, each in a session of
    its own. What others start for it must go to that core by itself.
    """
    cores = os.sched_getaffinity(0)
    with ExitStack() as stack:
        stack.callback(os.sched_setaffinity, 0, cores)
        os.sched_setaffinity(0, {min(cores)})
        for _ in range(neighbours):
            spinning = subprocess.Popen(["sh", "-c", "while :; do :; done"], start_new_session=True)
            stack.callback(spinning.wait)
            stack.callback(spinning.kill)
        yield
