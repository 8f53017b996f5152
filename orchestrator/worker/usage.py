"""What an evaluation used: CPU seconds, the peak of its memory, what it moved from and to storage; and how long it wanted a core in vain."""

from __future__ import annotations

import os
import resource
import threading
import time
from typing import Optional, Tuple

LONG_SECONDS = 0.005
"""An evaluation at least this long is measured by itself; shorter ones share the peak of the stretch of them, and start no processes."""

Moved = Tuple[int, int]
"""Bytes fetched from storage and bytes sent there. What the kernel had in memory anyway is not among them."""

_BLOCK_BYTES = 512
_SCHEDULE_BYTES = 128
_COUNTED = os.path.exists("/proc/self/io")


class ProcessMeter:
    """Of a slot that runs one evaluation at an instant. Processes that the evaluation started and waited for count as CPU seconds."""

    clock = staticmethod(time.process_time)

    def __init__(self) -> None:
        self._status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        self._schedule = _opened("/proc/self/schedstat")  # of the main thread, in which evaluations run
        self._starved = _starved_seconds(self._schedule)
        self._children = _children_seconds()
        self._waited = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._moved = _moved_by_all()
        try:
            self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            self._reset = -1

    def begin(self) -> None:
        """Forget the peak so far, and what was moved so far."""
        self._moved = _moved_by_all()
        self._waited = resource.getrusage(resource.RUSAGE_CHILDREN)
        if self._reset >= 0:
            try:
                os.pwrite(self._reset, b"5", 0)
            except OSError:
                self._reset = -1

    def peak_bytes(self) -> int | None:
        """The most resident memory since `begin`, of this process or of the largest that was waited for; None where that is not known.

        Of processes waited for the kernel tells the largest of all times: when it has not grown, and is larger than this process, theirs
        is anything below it.
        """
        if self._reset < 0:
            return None
        _, found, rest = os.pread(self._status, 8192, 0).partition(b"VmHWM:")
        if not found:
            return None
        own, waited = int(rest.split(None, 1)[0]) * 1024, resource.getrusage(resource.RUSAGE_CHILDREN)
        largest = waited.ru_maxrss * 1024
        if largest <= own or (waited.ru_utime, waited.ru_stime) == (self._waited.ru_utime, self._waited.ru_stime):
            return own
        return largest if waited.ru_maxrss > self._waited.ru_maxrss else None

    def children_seconds(self) -> float:
        """CPU seconds of processes that were waited for since the last call."""
        before, self._children = self._children, _children_seconds()
        return self._children - before

    def starved_seconds(self) -> Optional[float]:
        """How long the main thread could have computed since the last call and others had the cores; None where nobody counts."""
        before, self._starved = self._starved, _starved_seconds(self._schedule)
        return _difference_seconds(before, self._starved)

    def moved_bytes(self) -> Optional[Moved]:
        """What this process, and those that were waited for, moved since the last call."""
        before, self._moved = self._moved, _moved_by_all()
        return _difference(before, self._moved)


class ThreadMeter:
    """Of a thread: its own CPU seconds; memory is shared and cannot be told apart."""

    clock = staticmethod(time.thread_time)

    def __init__(self) -> None:
        self._thread = 0
        self._moved: Optional[Moved] = None
        self._starved: Optional[float] = None

    def begin(self) -> None:
        """Count from here what this thread moves; memory cannot be forgotten."""
        self._thread = threading.get_ident()
        self._moved = moved(resource.getrusage(resource.RUSAGE_THREAD))

    def peak_bytes(self) -> int | None:
        """Unknown."""
        return None

    def children_seconds(self) -> float:
        """Not charged: it cannot be said whose they were."""
        return 0.0

    def starved_seconds(self) -> Optional[float]:
        """How long this thread could have computed since its last call and others had the cores; None where nobody counts."""
        before, self._starved = self._starved, _starved_of_this_thread()
        return _difference_seconds(before, self._starved)

    def moved_bytes(self) -> Optional[Moved]:
        """What this thread moved since the last call; None when it was another one then."""
        before = self._moved if self._thread == threading.get_ident() else None
        self.begin()
        return _difference(before, self._moved)


def moved(used: resource.struct_rusage) -> Optional[Moved]:
    """What the kernel has counted, in whole blocks; None where it does not count."""
    return (used.ru_inblock * _BLOCK_BYTES, used.ru_oublock * _BLOCK_BYTES) if _COUNTED else None


def _moved_by_all() -> Optional[Moved]:
    own = moved(resource.getrusage(resource.RUSAGE_SELF))
    others = moved(resource.getrusage(resource.RUSAGE_CHILDREN))
    return None if own is None or others is None else (own[0] + others[0], own[1] + others[1])


def _difference(before: Optional[Moved], now: Optional[Moved]) -> Optional[Moved]:
    return None if before is None or now is None else (now[0] - before[0], now[1] - before[1])


def _opened(path: str) -> int:
    """A descriptor to read a file of the kernel by; -1 where it is not there."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


def _starved_of_this_thread() -> Optional[float]:
    descriptor = _opened("/proc/thread-self/schedstat")
    try:
        return _starved_seconds(descriptor)
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _starved_seconds(descriptor: int) -> Optional[float]:
    """Seconds on a run queue so far: the second number of a `schedstat`, whose first is 0 where the kernel does not count."""
    if descriptor < 0:
        return None
    computed, waited, _ = os.pread(descriptor, _SCHEDULE_BYTES, 0).split()
    return int(waited) / 1e9 if int(computed) else None


def _difference_seconds(before: Optional[float], now: Optional[float]) -> Optional[float]:
    return None if before is None or now is None else now - before


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
