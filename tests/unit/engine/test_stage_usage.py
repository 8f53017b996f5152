"""What a report tells of the durations of a stage, from what was counted of them."""

import pytest

from orchestrator.engine.reporting.stages import of
from orchestrator.store.buckets import counted


def durations(*walls: float) -> dict[str, float]:
    """What is told of a stage with attempts of these seconds."""
    unknown = ("cpu_seconds", "max_rss_bytes", "output_bytes", "read_bytes", "written_bytes", "queue_seconds")
    row = {
        **dict.fromkeys((*unknown, "longest_queue_seconds", "first_started_us", "last_finished_us")),
        "stage": "a",
        "executor": "process",
        "end": "succeeded",
        "attempts": len(walls),
        "wall_seconds": sum(walls),
        "longest_wall_seconds": max(walls),
    }
    buckets = [("a", bucket, many) for bucket, many in counted(walls).items()]
    found: dict[str, float] = of([row], buckets, names=["a"])[0]["wall_seconds"]
    return found


def test_of_a_single_attempt_all_durations_are_its_own() -> None:
    """Its median is not that of the bucket it was counted in."""
    assert durations(0.35) == {"total": 0.35, "p50": 0.35, "p95": 0.35, "max": 0.35}


def test_of_few_attempts_the_95th_percentile_is_the_longest() -> None:
    """As by nearest rank up to the nineteenth; with twenty one of them may be longer."""
    nineteen, twenty = durations(*[1.0] * 18, 3.0), durations(*[1.0] * 19, 3.0)
    assert nineteen["p95"] == 3.0
    assert nineteen["p50"] == pytest.approx(1.0, rel=0.05)
    assert twenty["p95"] == pytest.approx(1.0, rel=0.05)
