"""The machine as this process may use it: minding CPU affinity and control group limits."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from orchestrator.resources import cgroup

SHORTEST_SAMPLE_SECONDS = 0.5


def cores() -> int:
    """How many CPU-bound processes can run at once: CPUs in the affinity mask, cut to the control group's quota; at least 1."""
    allowed = len(os.sched_getaffinity(0))
    limit = cgroup.cpu_limit()
    return allowed if limit is None else max(1, min(allowed, math.ceil(limit)))


def memory_available_bytes() -> int:
    """Memory that can be had without swapping, within the control group's limit."""
    available: int = psutil.virtual_memory().available
    left = cgroup.memory_left_bytes()
    return available if left is None else min(available, left)


def disk_free_bytes(folder: Path) -> int:
    """Bytes an unprivileged process can still write where `folder` is. Raises OSError when it is not there."""
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the machine does now."""

    cpu_percent: float  # of all CPUs, 0 to 100, since the reading before
    load_1_minute: float
    memory_total_bytes: int
    memory_available_bytes: int
    disk_free_bytes: int


@dataclass(frozen=True, slots=True)
class _CpuSample:
    at_seconds: float
    total_seconds: float
    idle_seconds: float


class Machine:
    """Takes readings; CPU use is the mean since the last sample, so the first reading covers the time since construction."""

    def __init__(self, folder: Path, *, now_seconds: float) -> None:
        self._folder = folder
        self._sample = _cpu_sample(now_seconds)
        self._cpu_percent = 0.0

    def read(self, *, now_seconds: float) -> Readings:
        """Readings at a monotonic instant. Costs some file reads of /proc; readings in quick succession share the CPU number."""
        if now_seconds - self._sample.at_seconds >= SHORTEST_SAMPLE_SECONDS:
            before, self._sample = self._sample, _cpu_sample(now_seconds)
            self._cpu_percent = _busy_percent(before, self._sample)
        return Readings(
            cpu_percent=self._cpu_percent,
            load_1_minute=os.getloadavg()[0],
            memory_total_bytes=psutil.virtual_memory().total,
            memory_available_bytes=memory_available_bytes(),
            disk_free_bytes=disk_free_bytes(self._folder),
        )


def _cpu_sample(now_seconds: float) -> _CpuSample:
    times = psutil.cpu_times()
    counted = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)  # guest is in user already
    return _CpuSample(now_seconds, counted, times.idle + getattr(times, "iowait", 0.0))


def _busy_percent(before: _CpuSample, after: _CpuSample) -> float:
    total = after.total_seconds - before.total_seconds
    if total <= 0:
        return 0.0
    return round(min(max(100 * (1 - (after.idle_seconds - before.idle_seconds) / total), 0.0), 100.0), 1)
