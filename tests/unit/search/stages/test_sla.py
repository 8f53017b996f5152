"""Whether stages kept to their limits."""

import pytest

from orchestrator.search.stages.records import StageShape
from orchestrator.search.stages.sla import SlaVerdict, StageSla, p95_upper, stage_sla, suggested_limit, verdict

from . import five

LINT = StageShape(name="lint", sla_seconds=10.0)


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        (0.0, SlaVerdict.MET),
        (8.0, SlaVerdict.MET),
        (8.001, SlaVerdict.WARNING),
        (10.0, SlaVerdict.WARNING),
        (10.001, SlaVerdict.MISSED),
        (45.0, SlaVerdict.MISSED),
    ],
)
def test_a_limit_warns_above_four_fifths_and_is_missed_above_itself(wall: float, expected: SlaVerdict) -> None:
    """Exactly 80 % is met, exactly the limit is a warning, more is missed, for a stage and for a lane."""
    assert verdict(wall, limit_seconds=10.0) is expected


def test_without_a_limit_there_is_no_verdict() -> None:
    """Nothing is promised, so nothing is kept or broken; the durations are still given."""
    assert verdict(99.0, limit_seconds=None) is None
    assert stage_sla([five.run("lint", 0.0, 2.0)], shape=StageShape(name="lint")) == StageSla(
        stage="lint",
        limit_seconds=None,
        runs=1,
        warnings=0,
        misses=0,
        worst_seconds=2.0,
        worst=None,
        p95_seconds=2.0,
        p95=None,
        suggested_seconds=None,
    )


def test_a_stage_is_judged_by_its_worst_and_by_its_p95() -> None:
    """One miss in twenty leaves the 95th percentile a warning, and is counted; the suggestion has a quarter of room."""
    runs = [five.run("lint", 0.0, 9.0, attempt=place) for place in range(19)]
    assert stage_sla([*runs, five.run("lint", 0.0, 12.0)], shape=LINT) == StageSla(
        stage="lint",
        limit_seconds=10.0,
        runs=20,
        warnings=19,
        misses=1,
        worst_seconds=12.0,
        worst=SlaVerdict.MISSED,
        p95_seconds=9.0,
        p95=SlaVerdict.WARNING,
        suggested_seconds=11.25,
    )


def test_what_did_not_run_to_an_end_is_no_evidence() -> None:
    """Cancelled runs, runs that never began, and other stages are left out, and a stage of only such is not judged."""
    others = [
        five.run("lint", 0.0, 99.0, state="cancelled"),
        five.run("lint", 5.0, 5.0, state="failed"),
        five.run("test", 0.0, 99.0),
    ]
    assert stage_sla(others, shape=LINT) is None


def test_a_limit_is_suggested_from_ten_successes_on() -> None:
    """Nine are too few, and failures do not count among them."""
    assert suggested_limit([4.0] * 10) == 5.0
    assert suggested_limit([4.0] * 9) is None
    runs = [five.run("lint", 0.0, 4.0, attempt=place, state="failed" if place else "succeeded") for place in range(12)]
    judged = stage_sla(runs, shape=LINT)
    assert judged is not None
    assert (judged.runs, judged.suggested_seconds) == (12, None)


def test_the_upper_end_of_a_percentile_shrinks_with_the_evidence() -> None:
    """It is above the percentile itself, less so of more runs; equal runs have no spread, and two are too few."""
    few, many = p95_upper([1.0, 1.1, 1.2]), p95_upper([1.0, 1.1, 1.2] * 10)
    assert few is not None
    assert many is not None
    assert few > many > 1.2
    assert p95_upper([2.0] * 5) == pytest.approx(2.0)
    assert p95_upper([1.0, 2.0]) is None


def test_a_run_shorter_than_the_clock_can_tell_does_not_break_the_bound() -> None:
    """It counts as one tick."""
    assert p95_upper([1e-300, 1.0, 1.0]) == p95_upper([1e-9, 1.0, 1.0])
