"""Which stages hold the others up."""

from collections.abc import Sequence

import pytest

from orchestrator.search.stages.bottlenecks import (
    Bottleneck,
    Imbalance,
    bottlenecks,
    imbalance,
    stage_walls,
    walls_if_free,
)
from orchestrator.search.stages.records import StageRun, StageShape
from orchestrator.search.stages.schedule import Plan
from orchestrator.search.stages.situation import Case, Situation

from . import five

PLAN = Plan(cores=4, processes=4)


def case_of(runs: Sequence[StageRun], shapes: tuple[StageShape, ...], plan: Plan = PLAN) -> Case:
    return Case(Situation(runs=tuple(runs), shapes=shapes, plan=plan))


def runs_of(**seconds: float) -> list[StageRun]:
    return [five.run(name, 0.0, wall, cpu_seconds=0.0) for name, wall in seconds.items()]


def shapes_of(*names: str) -> tuple[StageShape, ...]:
    return tuple(StageShape(name=name) for name in names)


def test_a_bottleneck_is_told_with_its_real_ratio() -> None:
    """0.3 s beside four of 0.02 s is 3.9 times the mean, and free it would leave 0.02 s."""
    runs = runs_of(big=0.3, a=0.02, b=0.02, c=0.02, d=0.02)
    [found] = bottlenecks(case_of(runs, shapes_of("big", "a", "b", "c", "d"), Plan(cores=4, processes=5)))
    assert found == Bottleneck(
        stage="big",
        wall_seconds=0.3,
        ratio=pytest.approx(0.3 / 0.076),  # type: ignore[arg-type]
        on_critical_path=True,
        free_wall_seconds=pytest.approx(0.02),  # type: ignore[arg-type]
        gain=pytest.approx(1.0 - 0.02 / 0.3),  # type: ignore[arg-type]
        text="big takes 0.3 s, 3.9 times the mean of 76 ms; if it were free, the whole would take 20 ms instead of 0.3 s",
    )


def test_only_the_three_longest_are_named() -> None:
    """Four of ten are longer than 1.5 times the mean, the longest three are named, longest first."""
    runs = runs_of(w=9.0, x=10.0, y=11.0, z=12.0, a=1.0, b=1.0, c=1.0, d=1.0, e=1.0, f=1.0)
    found = bottlenecks(case_of(runs, shapes_of("w", "x", "y", "z", *"abcdef"), Plan(cores=4, processes=16)))
    assert [(one.stage, one.on_critical_path) for one in found] == [("z", True), ("y", False), ("x", False)]


def test_a_long_stage_off_the_path_gains_nothing() -> None:
    """A stage beside a longer chain is long, and yet nothing is faster without it."""
    shapes = (
        StageShape(name="a"),
        *(StageShape(name=name, after=(before,)) for before, name in ("ab", "bc", "cd", "de", "ef")),
        StageShape(name="side"),
    )
    runs = [five.run(name, at, at + 1.0, cpu_seconds=0.0) for at, name in enumerate("abcdef")] + runs_of(side=4.0)
    [found] = bottlenecks(case_of(runs, shapes))
    assert (found.stage, found.on_critical_path, found.free_wall_seconds, found.gain) == ("side", False, 6.0, 0.0)


def test_a_short_failure_behind_a_long_stage_is_no_bottleneck() -> None:
    """It is the long stage that is named, for the time in the queue is not the failure's."""
    failure = five.run("bad", 0.4, 0.45, state="failed", queued_seconds_before=0.4)
    found = bottlenecks(case_of([*runs_of(good=0.4), failure], shapes_of("good", "bad")))
    assert [one.stage for one in found] == ["good"]


def test_nothing_to_name_is_nothing() -> None:
    """Equal stages, and no run, have no bottleneck."""
    assert bottlenecks(case_of(runs_of(a=1.0, b=1.0), shapes_of("a", "b"))) == ()
    assert bottlenecks(case_of([], ())) == ()
    assert walls_if_free(case_of([], ())) == {}


def test_what_it_would_take_without_a_stage_is_told_for_the_critical_path() -> None:
    """Build and test make 5 s; without the tests it is the linter's 3 s, without the build the tests' 4 s; the linter holds nobody up."""
    shapes = (StageShape(name="build"), StageShape(name="test", after=("build",)), StageShape(name="lint"))
    runs = [five.run("build", 0.0, 1.0), five.run("test", 1.0, 5.0), five.run("lint", 0.0, 3.0)]
    assert walls_if_free(case_of(runs, shapes)) == pytest.approx({"test": 3.0, "build": 4.0})


def test_uneven_stages_are_told_with_both_names() -> None:
    """More than three times the shortest is uneven, exactly three times is not."""
    assert imbalance(runs_of(long=8.0, short=2.0, middle=3.0)) == Imbalance(
        longest="long", shortest="short", ratio=4.0, text="long takes 4.0 times as long as short (8 s, 2 s)"
    )
    assert imbalance(runs_of(long=6.0, short=2.0)) is None


def test_a_failed_start_makes_nothing_uneven() -> None:
    """What failed, was cancelled or took no time is not the shortest stage."""
    others = [
        five.run("failed", 0.0, 0.01, state="failed"),
        five.run("never", 0.0, 0.0),
        five.run("stopped", 0.0, 0.01, state="cancelled"),
    ]
    assert imbalance([*runs_of(a=1.0, b=2.0), *others]) is None
    assert imbalance(others) is None
    assert stage_walls([*runs_of(a=1.0), *others]) == {"a": 1.0, "failed": 0.01}
