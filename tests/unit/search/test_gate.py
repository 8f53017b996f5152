"""The gate: its score, what it lets through, what it says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.search.gate import CriterionVerdict, GateVerdict, OpenGate, QualityGate, gate
from orchestrator.spec.experiment import GateSpec

SHARPE = {"metric": "sharpe", "op": ">=", "threshold": 1.0, "soft": 0.5}
DRAWDOWN = {"metric": "drawdown", "op": "<=", "threshold": 0.25, "weight": 3.0}


def gate_of(*criteria: dict[str, Any], **keys: Any) -> QualityGate:
    return QualityGate(GateSpec.model_validate({"criterion": list(criteria), **keys}))


def test_the_verdict_names_everything_it_rests_on() -> None:
    """A verdict carries the weighted mean, and each criterion with its value, score and shortfall, in file order."""
    assert gate_of(SHARPE, DRAWDOWN).judge({"sharpe": 0.75, "drawdown": 0.5, "more": 1.0}) == GateVerdict(
        score=0.1875,
        passed=False,
        criteria=(
            CriterionVerdict(
                metric="sharpe",
                op=">=",
                threshold=1.0,
                wanted=">= 1",
                value=0.75,
                score=0.75,
                required_failure=False,
                shortfall=0.25,
            ),
            CriterionVerdict(
                metric="drawdown",
                op="<=",
                threshold=0.25,
                wanted="<= 0.25",
                value=0.5,
                score=0.0,
                required_failure=False,
                shortfall=0.25,
            ),
        ),
    )


@pytest.mark.parametrize(
    ("min_score", "value", "passed"), [(0.75, 0.75, True), (0.76, 0.75, False), (0.7, 0.71, True), (0.0, -9.0, True)]
)
def test_a_score_at_the_minimum_passes(min_score: float, value: float, passed: bool) -> None:
    """The minimum itself is enough, less is not."""
    assert gate_of(SHARPE, min_score=min_score).judge({"sharpe": value}).passed is passed


@pytest.mark.parametrize(
    ("allowed", "values", "passed"),
    [(0, (0.5, 9.0), True), (0, (0.49, 9.0), False), (1, (0.49, 9.0), True), (1, (0.49, 0.49), False)],
)
def test_required_failures_are_counted_against_those_allowed(
    allowed: int, values: tuple[float, float], passed: bool
) -> None:
    """A required criterion fails under 0.5, not at it, whatever the mean says."""
    rules = [{**SHARPE, "metric": name, "required": True} for name in ("a", "b")]
    verdict = gate_of(*rules, max_required_failures=allowed, min_score=0.0).judge(dict(zip("ab", values, strict=True)))
    assert verdict.passed is passed
    assert [criterion.required_failure for criterion in verdict.criteria] == [value < 0.5 for value in values]


def test_a_missing_metric_scores_zero_and_fails_what_requires_it() -> None:
    """A metric nobody reported has no value, no shortfall and no points."""
    verdict = gate_of({**SHARPE, "required": True}, min_score=0.0).judge({})
    assert (verdict.score, verdict.passed) == (0.0, False)
    assert verdict.criteria[0].required_failure
    assert (verdict.criteria[0].value, verdict.criteria[0].shortfall) == (None, None)


def test_feedback_names_the_weakest_first_and_how_far_it_is() -> None:
    """Each criterion that is not fully met has a line with what was found, wanted and lacking; the others have none."""
    rules = (
        SHARPE,
        DRAWDOWN,
        {"metric": "trades", "op": ">=", "threshold": 30, "required": True},
        {"metric": "beta", "op": "between", "threshold": -0.5, "upper": 0.5},
        {"metric": "fine", "op": ">", "threshold": 0},
    )
    verdict = gate_of(*rules).judge({"sharpe": 0.9, "drawdown": 0.25, "beta": 0.75, "fine": 1})
    assert verdict.feedback.splitlines() == [
        "trades is missing, needs >= 30, score 0, required",
        "beta is 0.75, needs between -0.5 and 0.5 (0.25 short), score 0",
        "sharpe is 0.9, needs >= 1 (0.1 short), score 0.9",
    ]


def test_without_a_gate_everything_passes_unscored() -> None:
    """The open gate gives no score, because nothing was asked."""
    assert gate(None).judge({}) == OpenGate().judge({"x": 1.0}) == GateVerdict(score=None, passed=True)


def test_a_gate_of_a_file_is_a_quality_gate() -> None:
    """A file with a gate is judged by it."""
    spec = GateSpec.model_validate({"criterion": [SHARPE]})
    assert gate(spec).judge({"sharpe": 2.0}).score == 1.0


@given(
    st.lists(st.tuples(st.floats(0.001, 1e300), st.floats(-1e6, 1e6), st.booleans()), min_size=1, max_size=5),
    st.floats(0.0, 1e3),
)
def test_a_gate_score_is_a_share_and_better_metrics_never_score_less(
    rows: list[tuple[float, float, bool]], better: float
) -> None:
    """Whatever the weights, the score is in [0, 1] and rises with the metrics; with all met it is exactly 1."""
    rules = [
        {"metric": f"m{index}", "op": ">=", "threshold": 1.0, "weight": weight, **({"soft": 0.0} if soft else {})}
        for index, (weight, _, soft) in enumerate(rows)
    ]
    judge = gate_of(*rules).judge
    metrics = {f"m{index}": value for index, (_, value, _) in enumerate(rows)}
    low = judge(metrics).score
    high = judge({name: value + better for name, value in metrics.items()}).score
    assert low is not None
    assert high is not None
    assert 0.0 <= low <= high <= 1.0
    assert judge(dict.fromkeys(metrics, 1.0)).score == 1.0
