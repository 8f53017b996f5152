"""What the machine allows: whether anything may start, how much memory is left to claim, and who gives way when it runs out.

Plain functions of readings. A threshold that was passed holds until the reading is better by a margin, so that what runs on the edge
does not start and stop with every sample.
"""

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from orchestrator.engine.admission import Wait
from orchestrator.resources import Readings

MARGIN_PERCENT = 5.0
"""Percentage points below its threshold at which CPU or memory is free again: of a low threshold a tenth of it."""

DISK_MARGIN = 1.25
"""So many times the headroom must be free until the disk has room again."""

SMALL_DISK_SHARE = 20
"""On a small disk the headroom is at most one part in so many of it."""

MOST_EVICTIONS = 5
"""An evaluation that was stopped so often for want of memory is not stopped again: somebody else gives way."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Above, or below, what nothing starts. The defaults are those of the settings."""

    cpu_percent: float = 80.0
    memory_percent: float = 80.0
    memory_critical_percent: float = 95.0
    disk_headroom_bytes: int = 128 * 2**20
    reserve_owed_bytes: int = 0  # given up when the disk was full, and to be made again

    def headroom_bytes(self, readings: Readings) -> int:
        """What must be free on this disk, besides what is owed to the reserve."""
        return min(self.disk_headroom_bytes, readings.disk_total_bytes // SMALL_DISK_SHARE)

    def least_free_bytes(self, readings: Readings) -> int:
        """What must be free on this disk now."""
        return self.headroom_bytes(readings) + self.reserve_owed_bytes


USUAL = Thresholds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """What follows from a reading."""

    readings: Readings
    closed: tuple[Wait, ...] = ()  # why nothing starts, the most serious first: DISK, MEMORY, CPU
    critical: bool = False  # memory is about to run out: somebody must give way

    @property
    def despite(self) -> int:
        """How many batches may run at once nevertheless: one when only the CPU is busy, so that work goes on, slowly."""
        return 1 if self.closed == (Wait.CPU,) else 0


def calm_percent(limit: float) -> float:
    """What it has to fall to once it was above `limit`."""
    return limit - min(MARGIN_PERCENT, limit / 10)


def pressure(readings: Readings, thresholds: Thresholds, *, before: Collection[Wait] = ()) -> Pressure:
    """What the machine allows now; `before` is what was closed until now."""

    def above(percent: float, limit: float, wait: Wait) -> bool:
        return percent > (calm_percent(limit) if wait in before else limit)

    least_free = thresholds.least_free_bytes(readings) * (DISK_MARGIN if Wait.DISK in before else 1.0)
    found = {
        Wait.DISK: readings.disk_free_bytes < least_free or not readings.disk_total_bytes,
        Wait.MEMORY: above(readings.memory_percent, thresholds.memory_percent, Wait.MEMORY),
        Wait.CPU: above(readings.others_cpu_percent, thresholds.cpu_percent, Wait.CPU),
    }
    return Pressure(
        readings=readings,
        closed=tuple(wait for wait, closed in found.items() if closed),
        critical=readings.memory_percent > thresholds.memory_critical_percent,
    )


def memory_left_bytes(readings: Readings, *, reserved_bytes: int, undeclared: int) -> int:
    """Memory that what starts may claim: what is available, without what was promised to running evaluations and is not used yet.

    What our process trees hold is used by those who have declared it, but for the largest ones: so many as there are batches
    `undeclared`, for those may be theirs.

    Example: 8 GiB available, one runs that declared 4 GiB and holds 1: 3 GiB are promised, and 5 are left. With another one that has
    declared nothing and holds 2: the tree that holds 2 may be its own, the 1 is not, and as much is left.
    """
    used = sum(readings.own_memory_bytes[undeclared:])
    return max(0, readings.memory_available_bytes - max(0, reserved_bytes - used))


@dataclass(frozen=True, slots=True)
class Running(Generic[Key]):
    """Something that runs and could give way."""

    key: Key
    since_seconds: float
    evictions: int  # how often it has given way before
    can_be_stopped: bool  # without harm to anything else


def victim(running: Iterable[Running[Key]]) -> Running[Key] | None:
    """Who gives way when memory runs out: the newest that can be run again. The only one that runs never does."""
    everything = list(running)
    if len(everything) < 2:  # noqa: PLR2004 the last one would begin anew and get no further
        return None
    able = [one for one in everything if one.can_be_stopped and one.evictions < MOST_EVICTIONS]
    return max(able, key=lambda one: one.since_seconds, default=None)
