"""Claims about sentences: every reason to wait has one, with the numbers that matter."""

from dataclasses import replace

import pytest

from orchestrator.engine.admission import Wait
from orchestrator.engine.pressure import USUAL, pressure
from orchestrator.engine.reasons import full_disk, kept_memory, machine_facts, memory_facts, reason_of, size
from tests.support.machine import EASY, GIBIBYTE

BAD = replace(
    EASY,
    memory_available_bytes=2 * GIBIBYTE,
    others_cpu_percent=93.5,
    disk_free_bytes=100 * 2**20,
)
FACTS = {
    "lane": "docs",
    "lane_workers": 2,
    "experiment": 12,
    "max_parallel": 3,
    "priority": -4,
    "slots": 2,
    "threads": 16,
    "executor": "sequential",
    "width": 1,
    "cpus": 2,
    "seconds": 4.25,
    "error": "database or disk is full",
    **machine_facts(pressure(BAD, USUAL), USUAL),
    **memory_facts(pressure(BAD, USUAL), declared_bytes=4 * GIBIBYTE, free_bytes=GIBIBYTE),
}


@pytest.mark.parametrize("wait", [wait for wait in Wait if wait is not Wait.LOCKS])  # those name their holders
def test_every_reason_has_words(wait: Wait) -> None:
    """Each reason has a sentence and says what would change it, with nothing left to fill in."""
    reason = reason_of(wait, FACTS)

    assert reason.reason == wait
    assert reason.message
    assert reason.would_change
    assert "{" not in reason.message + reason.would_change


@pytest.mark.parametrize(
    ("wait", "numbers"),
    [
        (Wait.MAX_PARALLEL, ["(3)"]),
        (Wait.PRIORITY, ["(-4)"]),
        (Wait.SLOTS, ["all 2 slots"]),
        (Wait.THREADS, ["all 16 threads"]),
        (Wait.WIDTH, ["(sequential)", "1 evaluation"]),
        (Wait.LANE, ["'docs'", "(2)"]),
        (Wait.BACKOFF, ["4.2 s more"]),
        (Wait.DISK, ["100.0 MiB are free", "(128.0 MiB)", "160.0 MiB are free", "60.0 MiB more"]),
        (Wait.MEMORY, ["87.5 % of the memory", "memory_percent (80)", "75 %", "2.0 GiB of memory is freed"]),
        (Wait.CPU, ["93.5 %", "cpu_percent (80)", "75 %"]),
        (
            Wait.DECLARED_MEMORY,
            ["2.0 GiB are available", "1.0 GiB of them", "declares 4.0 GiB", "3.0 GiB more are free"],
        ),
    ],
)
def test_numbers_are_named(wait: Wait, numbers: list[str]) -> None:
    """A person sees what is measured, what is allowed, and how much is missing."""
    reason = reason_of(wait, FACTS)

    for number in numbers:
        assert number in f"{reason.message}; {reason.would_change}"


def test_what_can_never_start_is_told_so() -> None:
    """More memory than the machine has will never be free."""
    facts = {**FACTS, **memory_facts(pressure(BAD, USUAL), declared_bytes=40 * GIBIBYTE, free_bytes=GIBIBYTE)}

    assert "all of the memory is 16.0 GiB: it can never start here" in reason_of(Wait.DECLARED_MEMORY, facts).message


def test_memory_that_is_kept_is_not_told_as_missing() -> None:
    """Who could have the memory, were it not for another one before it, is told just that."""
    reason = kept_memory(declared_bytes=GIBIBYTE, free_bytes=3 * GIBIBYTE)

    assert reason.reason == "declared_memory"
    assert "3.0 GiB are free and it declares 1.0 GiB" in reason.message
    assert "comes before it" in reason.message


def test_a_full_disk_is_told_only_when_it_is() -> None:
    """The daemon's state names the disk while it is short of room."""
    assert full_disk(pressure(EASY, USUAL), USUAL) is None
    assert "100.0 MiB are free" in (full_disk(pressure(BAD, USUAL), USUAL) or "")


def test_what_is_owed_to_the_reserve_is_told() -> None:
    """A person sees that the disk has been full, and that the reserve comes on top of the headroom."""
    owing = replace(USUAL, reserve_owed_bytes=8 * 2**20)
    reason = reason_of(Wait.DISK, machine_facts(pressure(BAD, owing), owing))

    assert "(128.0 MiB) and what is owed to the reserve (8.0 MiB) nothing starts until 170.0 MiB" in reason.message
    assert "70.0 MiB more" in reason.would_change


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 2**30 // 2, "2.5 GiB"), (2**50, "1024.0 TiB")],
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    """Binary units, one digit after the point."""
    assert size(count) == text
