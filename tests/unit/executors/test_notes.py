"""What a worker has noted becomes facts, and nothing else does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.outcome import AttemptEnd
from orchestrator.domain.report import Report, Spent
from orchestrator.executors.notes import report_of, reports_of, spent_of
from orchestrator.executors.payload import outcome_of

RIGHT: dict[str, Any] = {"number": 0, "step": 3, "time_us": 7, "metrics": {"loss": 0.5, "seen": 12}}


def test_a_report_is_taken_as_it_is() -> None:
    """With all its numbers."""
    assert report_of(RIGHT) == Report(0, 3, 7, {"loss": 0.5, "seen": 12})


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": -1},
        {"number": None},
        {"step": 2**63},
        {"step": 1.0},
        {"step": True},
        {"metrics": []},
        {"metrics": {"loss": None}},
        {"metrics": {"loss": "1"}},
        {"metrics": {"loss": float("nan")}},
        {"metrics": {"loss": 2**63}},
    ],
    ids=str,
)
def test_what_a_workload_has_written_over_is_left_out(wrong: dict[str, Any]) -> None:
    """A report is whole or it is none."""
    assert reports_of([{**RIGHT, **wrong}, RIGHT]) == (Report(0, 3, 7, RIGHT["metrics"]),)


@given(
    raw=st.recursive(st.none() | st.integers() | st.text() | st.floats(), st.lists)
    | st.dictionaries(st.text(), st.text())
)
def test_anything_else_is_none(raw: Any) -> None:
    """It never raises."""
    assert report_of(raw) is None
    assert spent_of(raw) is None


def test_an_outcome_brings_what_nobody_has_heard_before() -> None:
    """Its reports and its cost; and what was pruned has been cancelled, not failed."""
    raw = {"pruned": "enough", "started_us": 1, "reports": [RIGHT], "cost": {"usd": 0.5, "tokens": 3}}
    outcome = outcome_of(raw, pid=1, start_ticks=1)
    assert (outcome.end, outcome.pruned, outcome.cause) == (AttemptEnd.CANCELLED, "enough", None)
    assert [report.step for report in outcome.reports] == [3]
    assert outcome.spent == Spent(0.5, 3)
