"""Readings of this machine."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.resources import Machine, cores, disk_free_bytes, memory_available_bytes
from orchestrator.resources.machine import _busy_percent, _CpuSample


def test_cores_mind_the_affinity() -> None:
    """A process bound to one CPU has one core, however many the machine has."""
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from orchestrator.resources import cores; print(cores())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"
    assert 1 <= cores() <= len(os.sched_getaffinity(0))


def test_readings_are_within_the_machine(tmp_path: Path) -> None:
    """Free is at most total, CPU use is a percentage, and the numbers agree with the functions."""
    readings = Machine(tmp_path, now_seconds=0.0).read(now_seconds=1.0)
    assert 0 <= readings.cpu_percent <= 100
    assert 0 < readings.memory_available_bytes <= readings.memory_total_bytes
    assert memory_available_bytes() == pytest.approx(readings.memory_available_bytes, rel=0.2)
    assert disk_free_bytes(tmp_path) == pytest.approx(readings.disk_free_bytes, rel=0.2)


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
