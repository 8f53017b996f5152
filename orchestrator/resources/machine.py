"""The machine as this process may use it: minding CPU affinity and control group limits."""

import math
import os
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from orchestrator.resources import cgroup
from orchestrator.resources.processes import Use, use_of

SHORTEST_SAMPLE_SECONDS = 0.5
WINDOW_SECONDS = 5.0
"""The CPU use of others is a mean over about so long: a compiler that runs for two seconds is no load to wait for."""

SURVEY_SHARE = 0.002
"""Looking at all processes takes at most this share of one CPU: on a machine with very many it is done less often."""


def cores() -> int:
    """How many CPU-bound processes can run at once: CPUs in the affinity mask, cut to the control group's quota; at least 1."""
    allowed = len(os.sched_getaffinity(0))
    limit = cgroup.cpu_limit()
    return allowed if limit is None else max(1, min(allowed, math.ceil(limit)))


def memory_total_bytes() -> int:
    """All the memory there is, or the control group's limit."""
    return _memory()[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the machine does now."""

    cpu_percent: float = 0.0  # of the CPUs we may use, 0 to 100, since the reading before
    others_cpu_percent: float = 0.0  # the part of it that is not ours, over the last seconds; 0 while it is not known
    load_1_minute: float = 0.0
    memory_total_bytes: int  # or the control group's limit
    memory_available_bytes: int
    own_memory_bytes: tuple[
        int, ...
    ] = ()  # resident in what we have started, a number for each process tree, the largest first
    disk_total_bytes: int
    disk_free_bytes: int  # 0 when the folder cannot be looked at: nothing can be written there

    @property
    def memory_percent(self) -> float:
        """How much of the memory is in use, 0 to 100."""
        return 100 * (1 - self.memory_available_bytes / self.memory_total_bytes)


@dataclass(frozen=True, slots=True)
class _CpuSample:
    at_seconds: float
    total_seconds: float
    idle_seconds: float
    own_seconds: float = 0.0


def _own_process() -> Collection[int]:
    return (os.getpid(),)


class Machine:
    """Takes readings; CPU use is the mean since the last sample, so the first reading covers the time since construction.

    `roots` names the processes whose trees are ours: this one, and others that work for it.
    """

    def __init__(
        self, folder: Path, *, now_seconds: float, roots: Callable[[], Collection[int]] = _own_process
    ) -> None:
        self._folder = folder
        self._roots = roots
        self._sample = _cpu_sample(now_seconds)
        self._cpu_percent = 0.0
        self._surveys: deque[_CpuSample] = deque()
        self._next_survey_seconds = now_seconds
        self._own = Use(0.0, ())

    def read(self, *, now_seconds: float) -> Readings:
        """Readings at a monotonic instant. Costs some file reads of /proc; readings in quick succession share the CPU number."""
        if now_seconds - self._sample.at_seconds >= SHORTEST_SAMPLE_SECONDS:
            before, self._sample = self._sample, _cpu_sample(now_seconds)
            self._cpu_percent = _busy_percent(before, self._sample)
        total, available = _memory()
        disk_total, disk_free = _disk(self._folder)
        return Readings(
            cpu_percent=self._cpu_percent,
            others_cpu_percent=_others_percent(self._surveys),
            load_1_minute=os.getloadavg()[0],
            memory_total_bytes=total,
            memory_available_bytes=available,
            own_memory_bytes=self._own.memory_bytes,
            disk_total_bytes=disk_total,
            disk_free_bytes=disk_free,
        )

    def survey(self, *, now_seconds: float, clock: Callable[[], float]) -> None:
        """Look at all processes to know what is ours, unless that was done just now. What it costs says when it is done again."""
        late_seconds = now_seconds - self._next_survey_seconds
        if late_seconds < 0:
            return
        if late_seconds > WINDOW_SECONDS:  # nobody was interested for a while: a mean over it says nothing of now
            self._surveys.clear()
        began = clock()
        self._own = use_of(self._roots())
        self._next_survey_seconds = now_seconds + max(SHORTEST_SAMPLE_SECONDS, (clock() - began) / SURVEY_SHARE)
        _remember(self._surveys, _cpu_sample(now_seconds, own_seconds=self._own.cpu_seconds))


def _remember(surveys: deque[_CpuSample], newest: _CpuSample) -> None:
    """Keep those of the last seconds, two at least. When processes of ours have left the tree, begin anew."""
    if surveys and newest.own_seconds < surveys[-1].own_seconds:
        surveys.clear()
    surveys.append(newest)
    while len(surveys) > 2 and newest.at_seconds - surveys[1].at_seconds >= WINDOW_SECONDS:  # noqa: PLR2004 a pair
        surveys.popleft()


def _others_percent(surveys: deque[_CpuSample]) -> float:
    """What was used and is not ours, once that was watched for long enough to be more than a burst."""
    if not surveys or surveys[-1].at_seconds - surveys[0].at_seconds < WINDOW_SECONDS / 2:
        return 0.0
    first, last = surveys[0], surveys[-1]
    busy = _busy_percent(first, last)
    total = last.total_seconds - first.total_seconds
    ours = 100 * (last.own_seconds - first.own_seconds) / total if total > 0 else 0.0
    return round(min(max(busy - ours, 0.0), 100.0), 1)


def _memory() -> tuple[int, int]:
    """Total and available bytes, within the control group's limit."""
    memory = psutil.virtual_memory()
    limit = cgroup.memory_limit()
    if limit is None:
        return memory.total, memory.available
    return min(memory.total, limit.limit_bytes), min(memory.available, limit.left_bytes)


def _disk(folder: Path) -> tuple[int, int]:
    """Total and free bytes."""
    try:
        space = os.statvfs(folder)
    except OSError:
        return 0, 0
    return space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize


def _cpu_sample(now_seconds: float, *, own_seconds: float = 0.0) -> _CpuSample:
    """CPU seconds of the CPUs in the affinity mask so far."""
    allowed = os.sched_getaffinity(0)
    counted = idle = 0.0
    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        if number in allowed:
            guest = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # is in user and nice already
            counted += sum(times) - guest
            idle += times.idle + getattr(times, "iowait", 0.0)
    return _CpuSample(now_seconds, counted, idle, own_seconds)


def _busy_percent(before: _CpuSample, after: _CpuSample) -> float:
    total = after.total_seconds - before.total_seconds
    if total <= 0:
        return 0.0
    return round(min(max(100 * (1 - (after.idle_seconds - before.idle_seconds) / total), 0.0), 100.0), 1)
