"""Claims about what the machine allows: thresholds that hold until it is better by a margin, memory that is promised once, who gives way."""

from dataclasses import replace

import pytest

from orchestrator.engine.admission import Wait
from orchestrator.engine.pressure import (
    MOST_EVICTIONS,
    USUAL,
    Pressure,
    Running,
    Thresholds,
    memory_left_bytes,
    pressure,
    victim,
)
from orchestrator.resources import Readings
from tests.support.machine import EASY, GIBIBYTE


def used(percent: float) -> Readings:
    """So much of the memory is in use."""
    return replace(EASY, memory_total_bytes=1000, memory_available_bytes=round(1000 - 10 * percent))


def after(*readings: Readings, thresholds: Thresholds = USUAL) -> list[tuple[Wait, ...]]:
    """What is closed after each of these readings, one after the other."""
    found: list[Pressure] = []
    for one in readings:
        found.append(pressure(one, thresholds, before=found[-1].closed if found else ()))
    return [each.closed for each in found]


def test_an_easy_machine_closes_nothing() -> None:
    """With memory, disk and CPU free everything may start, as at the thresholds themselves."""
    assert after(EASY, used(80.0), replace(EASY, others_cpu_percent=80.0)) == [(), (), ()]


def test_memory_closes_above_its_threshold_and_opens_a_margin_below() -> None:
    """Above 80 % nothing starts until it has fallen to 75 %."""
    assert after(used(80.1), used(79), used(75.1), used(75), used(79)) == [(Wait.MEMORY,)] * 3 + [(), ()]


def test_a_low_threshold_can_be_fallen_below() -> None:
    """The margin of a threshold of 2 % is 0.2 points, not five: it opens again."""
    assert after(used(3), used(1.9), used(1.7), thresholds=Thresholds(memory_percent=2)) == [(Wait.MEMORY,)] * 2 + [()]


def test_the_cpu_closes_for_what_others_use() -> None:
    """A machine that is fully used by its own evaluations is open; one that others use above the threshold lets in one batch."""
    busy = [replace(EASY, cpu_percent=100.0, others_cpu_percent=percent) for percent in (0.0, 81.0, 76.0, 75.0)]

    assert after(*busy) == [(), (Wait.CPU,), (Wait.CPU,), ()]
    assert pressure(busy[1], USUAL).despite == 1
    assert pressure(busy[0], USUAL).despite == 0


def test_a_disk_closes_below_the_headroom_and_opens_a_quarter_above() -> None:
    """With less than the headroom free nothing starts until a quarter more than it is free."""
    disk = [replace(EASY, disk_free_bytes=free) for free in (100, 99, 124, 125, 110)]

    assert after(*disk, thresholds=Thresholds(disk_headroom_bytes=100)) == [(), (Wait.DISK,), (Wait.DISK,), (), ()]


def test_what_is_owed_to_the_reserve_must_be_free_besides_the_headroom() -> None:
    """After 50 bytes of the reserve were given up 150 must be free instead of 100, even where the headroom is switched off."""
    disk = [replace(EASY, disk_free_bytes=free) for free in (50, 49, 62, 63, 149, 187, 188)]

    assert after(*disk[:4], thresholds=Thresholds(disk_headroom_bytes=0, reserve_owed_bytes=50)) == [
        (),
        (Wait.DISK,),
        (Wait.DISK,),
        (),
    ]
    assert after(*disk[4:], thresholds=Thresholds(disk_headroom_bytes=100, reserve_owed_bytes=50)) == [
        (Wait.DISK,),
        (Wait.DISK,),
        (),
    ]


def test_a_small_disk_needs_less() -> None:
    """On a disk of 64 MiB the headroom is a twentieth of it, not the 128 MiB of the settings."""
    small = replace(EASY, disk_total_bytes=64 * 2**20, disk_free_bytes=4 * 2**20)

    assert after(small, replace(small, disk_free_bytes=3 * 2**20)) == [(), (Wait.DISK,)]


def test_a_disk_that_cannot_be_looked_at_is_full() -> None:
    """Without a total nothing starts, whatever the headroom."""
    gone = replace(EASY, disk_total_bytes=0, disk_free_bytes=0)

    assert after(gone, thresholds=Thresholds(disk_headroom_bytes=0)) == [(Wait.DISK,)]


def test_all_that_is_scarce_is_named_the_worst_first() -> None:
    """Disk, memory and CPU are told together, and with more than the CPU scarce nothing at all may start."""
    bad = replace(used(99), disk_free_bytes=0, others_cpu_percent=99.0)
    found = pressure(bad, USUAL)

    assert (found.closed, found.despite, found.critical) == ((Wait.DISK, Wait.MEMORY, Wait.CPU), 0, True)


@pytest.mark.parametrize(("percent", "critical"), [(95.0, False), (95.1, True)])
def test_memory_is_critical_above_its_second_threshold(percent: float, critical: bool) -> None:
    """At 95 % nobody has to give way, above it somebody has."""
    assert pressure(used(percent), USUAL).critical is critical


def test_at_a_hundred_a_threshold_is_off() -> None:
    """No reading is above 100 %."""
    off = Thresholds(cpu_percent=100, memory_percent=100, memory_critical_percent=100, disk_headroom_bytes=0)
    found = pressure(replace(used(100), others_cpu_percent=100.0, disk_free_bytes=0), off)

    assert (found.closed, found.critical) == ((), False)


@pytest.mark.parametrize(
    ("reserved", "own", "undeclared", "left"),
    [
        (0, [], 0, 8),
        (4, [], 0, 4),  # promised, and not used yet
        (4, [1], 0, 5),
        (4, [6], 0, 8),  # what it has used is not available any more anyway
        (4, [6], 1, 4),  # the 6 may be another one's
        (4, [6, 1], 1, 5),
        (4, [6, 1], 5, 4),
        (40, [1], 0, 0),
    ],
)
def test_memory_is_promised_once(reserved: int, own: list[int], undeclared: int, left: int) -> None:
    """Available memory without what was promised and is not in use yet; never below nothing."""
    trees = tuple(tree * GIBIBYTE for tree in own)
    readings = replace(EASY, memory_available_bytes=8 * GIBIBYTE, own_memory_bytes=trees)

    assert memory_left_bytes(readings, reserved_bytes=reserved * GIBIBYTE, undeclared=undeclared) == left * GIBIBYTE


def one(key: str, since: float, *, evictions: int = 0, can_be_stopped: bool = True) -> Running[str]:
    """Something that runs."""
    return Running(key, since, evictions, can_be_stopped)


def test_the_newest_gives_way() -> None:
    """Of three the one that began last; one that cannot be stopped alone is passed over, as is one that has given way too often."""
    old, new = one("old", 1.0), one("new", 5.0)

    assert victim([new, old, one("middle", 3.0)]) == new
    assert victim([old, one("thread", 9.0, can_be_stopped=False)]) == old
    assert victim([old, one("patient", 9.0, evictions=MOST_EVICTIONS)]) == old


def test_the_only_one_never_gives_way() -> None:
    """It would begin anew and get no further; nor does anybody when nobody can."""
    assert victim([one("only", 1.0)]) is None
    assert victim([]) is None
    assert victim([one("a", 1.0, can_be_stopped=False), one("b", 2.0, can_be_stopped=False)]) is None
