"""What an evaluation used: CPU seconds and the peak of its memory."""

from __future__ import annotations

import os
import resource
import time

LONG_SECONDS = 0.005
"""An evaluation at least this long is measured by itself; shorter ones share the peak of the stretch of them, and start no processes."""


class ProcessMeter:
    """Of a slot that runs one evaluation at an instant. Processes that the evaluation started and waited for count as CPU seconds."""

    clock = staticmethod(time.process_time)

    def __init__(self) -> None:
        self._status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        self._children = _children_seconds()
        try:
            self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            self._reset = -1

    def begin(self) -> None:
        """Forget the peak so far."""
        if self._reset >= 0:
            try:
                os.pwrite(self._reset, b"5", 0)
            except OSError:
                self._reset = -1

    def peak_bytes(self) -> int | None:
        """The most resident memory since `begin`; None where the kernel does not let it be known."""
        if self._reset < 0:
            return None
        _, found, rest = os.pread(self._status, 8192, 0).partition(b"VmHWM:")
        return int(rest.split(None, 1)[0]) * 1024 if found else None

    def children_seconds(self) -> float:
        """CPU seconds of processes that were waited for since the last call."""
        before, self._children = self._children, _children_seconds()
        return self._children - before


class ThreadMeter:
    """Of a thread: its own CPU seconds; memory is shared and cannot be told apart."""

    clock = staticmethod(time.thread_time)

    def begin(self) -> None:
        """Nothing can be forgotten."""

    def peak_bytes(self) -> int | None:
        """Unknown."""
        return None

    def children_seconds(self) -> float:
        """Not charged: it cannot be said whose they were."""
        return 0.0


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
