"""Claims about what the meters of a worker measure."""

import json
import os
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.worker import lane, run_batch
from orchestrator.worker.usage import LONG_SECONDS, ProcessMeter, ThreadMeter
from tests.support.house import ROOT
from tests.support.neighbours import crowded

SIZE = 1 << 20


@pytest.fixture
def stored() -> Iterator[Path]:
    """A file beside this one: a temporary folder may be in memory, of which nothing is fetched or sent."""
    path = Path(__file__).with_suffix(f".{os.getpid()}.tmp")
    yield path
    path.unlink()


def write(path: Path) -> None:
    """Send a mebibyte to storage."""
    with path.open("wb") as file:
        file.write(b"x" * SIZE)
        file.flush()
        os.fsync(file.fileno())


def read_anew(path: Path) -> None:
    """Fetch the file from storage, not from memory."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.read()


def test_a_process_knows_what_it_moved_since_it_was_asked_last(stored: Path) -> None:
    """What is written and read counts once, and nothing counts when nothing is moved."""
    meter = ProcessMeter()
    write(stored)
    read_anew(stored)
    read_bytes, written_bytes = meter.moved_bytes() or (0, 0)

    assert SIZE <= read_bytes < 2 * SIZE
    assert SIZE <= written_bytes < 2 * SIZE
    assert meter.moved_bytes() == (0, 0)


CHILDREN = """
import subprocess, sys
from orchestrator.worker.usage import ProcessMeter

def peak_mib(*sizes, own=0):
    meter.begin()
    held = bytearray(own << 20)
    for size in sizes:
        subprocess.run([sys.executable, "-c", f"bytearray({size} << 20)"], check=True)
    found = meter.peak_bytes()
    return None if found is None else found >> 20

meter = ProcessMeter()
print([peak_mib(), peak_mib(60, 20), peak_mib(), peak_mib(20), peak_mib(20, own=150), peak_mib(250)])
"""


def test_the_peak_is_that_of_the_largest_process_even_of_those_it_waited_for() -> None:
    """A process that holds 60 MiB counts though this one holds little; a smaller one after it is unknown and not "little", unless this
    process was larger than all of them; what has waited for nobody has its own.
    """
    told = subprocess.run([sys.executable, "-c", CHILDREN], capture_output=True, text=True, check=True, cwd=ROOT)
    alone, with_child, alone_again, smaller, larger_itself, grown = json.loads(told.stdout.replace("None", "null"))
    assert 0 < alone < 40
    assert 60 <= with_child < 100
    assert 0 < alone_again < 40
    assert smaller is None
    assert 150 <= larger_itself < 190
    assert 250 <= grown < 290


def test_a_thread_counts_its_own_and_not_its_neighbours(stored: Path) -> None:
    """What another thread writes meanwhile is not charged to this one."""
    meter = ThreadMeter()
    meter.begin()
    neighbour = threading.Thread(target=write, args=(stored,))
    neighbour.start()
    neighbour.join()

    assert meter.moved_bytes() == (0, 0)
    write(stored)
    assert (meter.moved_bytes() or (0, 0))[1] >= SIZE


def test_what_a_thread_moved_before_another_one_began_is_unknown() -> None:
    """A meter that was begun in another thread has no number to compare with."""
    meter = ThreadMeter()
    beginner = threading.Thread(target=meter.begin)
    beginner.start()
    beginner.join()

    assert meter.moved_bytes() is None
    assert meter.moved_bytes() == (0, 0)


COUNTED = ProcessMeter().starved_seconds() is not None
"""Whether this kernel counts it; where it does not, nothing may be told."""

METERS: dict[str, type[ProcessMeter | ThreadMeter]] = {"process": ProcessMeter, "thread": ThreadMeter}


def compute(seconds: float) -> float:
    """Use so much CPU time."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
    return seconds


@pytest.mark.parametrize("kind", METERS)
def test_who_wants_a_core_that_others_have_is_starved(kind: str) -> None:
    """Of the wall time of what only computes, beside two others on one core, all that it did not compute it was starved."""
    meter = METERS[kind]()
    with crowded(2):
        meter.starved_seconds()
        cpu, wall = time.thread_time(), time.perf_counter()
        compute(0.2)
        cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
        starved = meter.starved_seconds()

    assert (starved is not None) == COUNTED
    if starved is not None:
        assert starved > 0.1
        assert cpu + starved == pytest.approx(wall, rel=0.1)


@pytest.mark.parametrize("kind", METERS)
def test_who_waits_for_something_else_is_not_starved(kind: str) -> None:
    """A tenth of a second asleep on a core that is nearly free is hardly a wait for it."""
    meter = METERS[kind]()
    meter.starved_seconds()
    threading.Event().wait(0.1)

    assert (meter.starved_seconds() or 0.0) < 0.08


class Measured(lane.NoLane):
    """A lane with the meter of a slot, or with one of a kernel that counts nothing."""

    def __init__(self, *, counts: bool = True) -> None:
        super().__init__()
        self.meter = ProcessMeter()
        if not counts:
            self.meter._schedule, self.meter._starved = -1, None


def evaluated(own: lane.Lane, *seconds: float) -> list[dict[str, Any]]:
    """The outcomes of evaluations that take this CPU time each."""
    module = types.ModuleType("computing")
    vars(module)["evaluate"] = compute
    sys.modules["computing"] = module
    lane.lay(99, own)
    batch = {
        "call": "computing:evaluate",
        "code": (None, ()),
        "stage": "main",
        "arguments": "{}",
        "environment": tuple(os.environ.items()),
        "workdir": str(Path.cwd()),
        "lane": 99,
        "evaluations": [(1, number, 1, str(each), 1, 1, None, 1) for number, each in enumerate(seconds)],
    }
    try:
        return run_batch(batch)
    finally:
        del sys.modules["computing"]


def test_only_what_is_long_is_told_how_long_it_was_starved() -> None:
    """Short evaluations pay nothing for it and say nothing; neither does a long one after them, whose count would be theirs as well."""
    outcomes = evaluated(Measured(), 2 * LONG_SECONDS, 2 * LONG_SECONDS, 0.0, 2 * LONG_SECONDS, 2 * LONG_SECONDS)
    assert [outcome.get("cause") for outcome in outcomes] == [None] * 5
    told = [True, True, False, False, True] if COUNTED else [False] * 5
    assert ["starved_seconds" in outcome for outcome in outcomes] == told


def test_a_kernel_that_does_not_count_is_no_kernel_that_starves_nobody() -> None:
    """Then nothing is said, and never 0."""
    (outcome,) = evaluated(Measured(counts=False), 2 * LONG_SECONDS)
    assert "starved_seconds" not in outcome
