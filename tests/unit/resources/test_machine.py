"""Readings of this machine."""

import os
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import pytest

from orchestrator.resources import Machine, cores, memory_total_bytes
from orchestrator.resources.machine import _busy_percent, _CpuSample, _others_percent, _remember


def test_cores_mind_the_affinity() -> None:
    """A process bound to one CPU has one core, however many the machine has."""
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from orchestrator.resources import cores; print(cores())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"
    assert 1 <= cores() <= len(os.sched_getaffinity(0))


def test_readings_are_within_the_machine(tmp_path: Path) -> None:
    """Free is at most total, CPU use is a percentage, and the total is that of the function."""
    readings = Machine(tmp_path, now_seconds=0.0).read(now_seconds=1.0)
    assert 0 <= readings.cpu_percent <= 100
    assert 0 < readings.memory_available_bytes <= readings.memory_total_bytes
    assert memory_total_bytes() == readings.memory_total_bytes
    assert 0 < readings.disk_free_bytes <= readings.disk_total_bytes


def test_quick_readings_share_one_cpu_number(tmp_path: Path) -> None:
    """Within half a second the CPU number is not taken anew, so that a burst of questions does not make it noise."""
    machine = Machine(tmp_path, now_seconds=0.0)
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    assert machine.read(now_seconds=0.1).cpu_percent == 0.0
    assert machine.read(now_seconds=1.0).cpu_percent > 0.0


@pytest.mark.parametrize(
    ("total", "idle", "percent"), [(10.0, 10.0, 0.0), (10.0, 0.0, 100.0), (10.0, 7.5, 25.0), (0.0, 0.0, 0.0)]
)
def test_busy_is_what_was_not_idle(total: float, idle: float, percent: float) -> None:
    """The share of CPU seconds between two samples that were not idle; nothing passed is 0."""
    assert _busy_percent(_CpuSample(0, 100, 50), _CpuSample(1, 100 + total, 50 + idle)) == percent


def test_a_folder_that_is_gone_has_no_room(tmp_path: Path) -> None:
    """When the state directory cannot be looked at nothing can be written there: no byte is free, and the rest is told."""
    readings = Machine(tmp_path / "gone", now_seconds=0.0).read(now_seconds=1.0)
    assert (readings.disk_total_bytes, readings.disk_free_bytes) == (0, 0)
    assert readings.memory_total_bytes > 0


def watched(*samples: tuple[float, float, float, float]) -> float:
    """The others' share after samples of (instant, CPU seconds in all, idle, ours)."""
    surveys: deque[_CpuSample] = deque()
    for sample in samples:
        _remember(surveys, _CpuSample(*sample))
    return _others_percent(surveys)


def test_what_is_ours_is_no_load_of_others() -> None:
    """Two CPUs fully used, three quarters of it by us: others use a quarter of the machine."""
    assert watched((0, 0, 0, 0), (4, 8, 0, 6)) == 25.0


def test_a_burst_is_not_a_load() -> None:
    """Before half of the window has been watched nobody knows what others use, and no load is told."""
    assert watched((0, 0, 0, 0), (1, 2, 0, 0)) == 0.0
    assert watched() == 0.0


def test_only_the_last_seconds_count() -> None:
    """A load that has ended five seconds ago is not seen any more."""
    assert watched((0, 0, 0, 0), (10, 20, 0, 0), (15, 30, 10, 0)) == 0.0
    assert watched((0, 0, 0, 0), (2, 4, 0, 0), (4, 8, 4, 0), (7, 14, 10, 0)) == 0.0


def test_a_long_pause_is_not_averaged(tmp_path: Path) -> None:
    """After nobody has looked for a while it is watched anew; with looks that are far apart for their cost it is not."""
    machine = Machine(tmp_path, now_seconds=0.0)
    machine.survey(now_seconds=0.0, clock=iter([0.0, 0.04]).__next__)
    machine.survey(now_seconds=20.1, clock=iter([0.0, 0.0]).__next__)
    far_apart = len(machine._surveys)
    machine.survey(now_seconds=100.0, clock=iter([0.0, 0.0]).__next__)

    assert (far_apart, len(machine._surveys)) == (2, 1)


def test_processes_that_leave_our_tree_do_not_become_others() -> None:
    """When what we have used seems to shrink, since a helper of ours has gone, it is watched anew."""
    assert watched((0, 0, 0, 0), (4, 8, 0, 8), (5, 10, 0, 1)) == 0.0


def test_our_own_children_are_ours(tmp_path: Path) -> None:
    """A child that computes is counted as ours while it lives, with its memory."""
    machine = Machine(tmp_path, now_seconds=0.0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        machine.survey(now_seconds=0.0, clock=time.thread_time)
        own = machine.read(now_seconds=0.1).own_memory_bytes
        assert child.stdin is not None
        child.stdin.close()
    assert max(own) > 1_000_000


def test_looking_at_all_processes_costs_its_share_and_no_more(tmp_path: Path) -> None:
    """A survey that takes 10 ms of CPU time is not repeated for 5 s, whoever asks."""
    machine = Machine(tmp_path, now_seconds=0.0)
    instants = iter([1.0, 1.01, 2.0, 2.0])
    looks = 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        return next(instants)

    for instant in (0.0, 1.0, 4.9, 5.1):
        machine.survey(now_seconds=instant, clock=clock)
    assert looks == 4
