"""Where a stage runs, and why."""

import pytest

from orchestrator.search.stages.placement import Placement, place
from orchestrator.search.stages.profile import Profile
from orchestrator.search.stages.records import StageShape

SHAPE = StageShape(name="games")


def profile(share: float, *, reach: float = 0.02, runs: int = 12) -> Profile:
    return Profile(
        runs=runs,
        cpu_runs=runs,
        cpu_share=share,
        cpu_share_low=max(0.0, share - reach),
        cpu_share_high=share + reach,
        wall_seconds=1.0,
        wall_p10_seconds=1.0,
        wall_p90_seconds=1.0,
        max_rss_bytes=None,
    )


@pytest.mark.parametrize("strategy", ["hybrid", "adaptive"])
def test_what_waits_goes_to_threads_and_says_why(strategy: str) -> None:
    """The reason carries the share, its interval and how many evaluations it rests on."""
    assert place(strategy, SHAPE, profile(0.03)) == Placement(
        "thread", "CPU share 0.03 (0.01 to 0.05) over 12 evaluations: it waits, threads suffice"
    )


@pytest.mark.parametrize("strategy", ["hybrid", "adaptive"])
@pytest.mark.parametrize("known", [None, profile(0.95), profile(0.5), profile(0.03, runs=2)])
def test_all_else_goes_to_processes(strategy: str, known: Profile | None) -> None:
    """What computes, what does both, and what nobody knows yet runs in processes."""
    assert place(strategy, SHAPE, known).executor == "process"


@pytest.mark.parametrize("strategy", ["hybrid", "adaptive"])
def test_what_threads_cannot_keep_stays_in_processes(strategy: str) -> None:
    """Limits that only a process keeps, and a failure in threads, outweigh any profile and any habit."""
    limited = StageShape(name="games", can_use_threads=False)
    assert place(strategy, limited, profile(0.03), current="thread") == Placement(
        "process", "it has limits that a thread cannot keep (memory, timeout or cpus)"
    )
    assert place(strategy, SHAPE, profile(0.03), current="thread", threads_failed=True) == Placement(
        "process", "it has failed in threads"
    )


@pytest.mark.parametrize(
    ("current", "share", "executor"),
    [
        (None, 0.25, "thread"),
        (None, 0.27, "process"),
        ("process", 0.25, "thread"),
        ("process", 0.27, "process"),
        ("thread", 0.27, "thread"),
        ("thread", 0.35, "thread"),
        ("thread", 0.39, "thread"),
        ("thread", 0.40, "process"),
        ("thread", 0.70, "process"),
        ("thread", 0.95, "process"),
    ],
)
def test_adaptive_moves_only_past_the_margins(current: str | None, share: float, executor: str) -> None:
    """Into threads up to 0.25, out of them from 0.4 on; between, a stage stays where it is."""
    assert place("adaptive", SHAPE, profile(share), current=current).executor == executor


def test_adaptive_does_not_leave_threads_for_what_it_does_not_know() -> None:
    """An interval that reaches down to waiting is no reason to move, nor is a profile that is not there."""
    assert place("adaptive", SHAPE, profile(0.45, reach=0.2), current="thread") == Placement(
        "thread", "CPU share 0.45 (0.25 to 0.65) over 12 evaluations: not enough to leave threads (from 0.4 on)"
    )
    assert place("adaptive", SHAPE, None, current="thread") == Placement(
        "thread", "CPU share not measured: not enough to leave threads (from 0.4 on)"
    )


def test_a_share_that_wavers_about_the_border_moves_nothing() -> None:
    """Between 0.26 and 0.39, which `hybrid` moves on, `adaptive` never moves, whichever side it began on."""
    wavering = [0.26, 0.39, 0.28, 0.36, 0.27]
    for start in ("thread", "process"):
        assert {place("adaptive", SHAPE, profile(share), current=start).executor for share in wavering} == {start}
    assert {place("hybrid", SHAPE, profile(share)).executor for share in wavering} == {"thread", "process"}


def test_an_executor_asked_for_by_name_is_kept() -> None:
    """Only `hybrid` and `adaptive` choose; a command is a process of its own under every strategy."""
    assert place("process", SHAPE, profile(0.03)) == Placement("process", "process is what the experiment asks for")
    command = StageShape(name="build", executor="isolated", can_use_threads=False)
    assert {place(strategy, command, None).executor for strategy in ("process", "adaptive", "hybrid")} == {"isolated"}
