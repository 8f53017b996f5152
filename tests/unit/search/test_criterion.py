"""One criterion: met or not, how far from it, its score."""

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.search.criterion import badness, met, met_by, score, shortfall
from orchestrator.spec.criterion import Criterion, GateCriterion


def criterion(**keys: Any) -> GateCriterion:
    return GateCriterion.model_validate({"metric": "m", "threshold": 1.0, **keys})


def on_both_sides(**keys: Any) -> GateCriterion:
    """A soft limit around a target; made without the file's checks, which keep `soft` for the one-sided operators."""
    return GateCriterion.model_construct(metric="m", curve="linear", weight=1.0, required=False, **keys)


@pytest.mark.parametrize(
    ("op", "below", "at", "above"),
    [
        (">=", False, True, True),
        (">", False, False, True),
        ("<=", True, True, False),
        ("<", True, False, False),
        ("==", False, True, False),
        ("!=", True, False, True),
    ],
)
def test_an_operator_means_what_it_says(op: str, below: bool, at: bool, above: bool) -> None:
    """Below, at and above the threshold each operator is met or not, and without `soft` the score is 1 or 0 accordingly."""
    rule = criterion(op=op)
    assert [met(rule, value) for value in (0.5, 1.0, 1.5)] == [below, at, above]
    assert [score(rule, value) for value in (0.5, 1.0, 1.5)] == [float(below), float(at), float(above)]


def test_between_holds_its_ends() -> None:
    """Both ends belong to the range, and nothing outside does."""
    rule = criterion(op="between", upper=2.0)
    assert [met(rule, value) for value in (0.999, 1.0, 1.5, 2.0, 2.001)] == [False, True, True, True, False]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_meets_nothing_and_scores_zero(value: float | None) -> None:
    """A missing or non-finite metric is never good, not even for `!=`."""
    for op in (">=", "<=", "==", "!="):
        assert not met(criterion(op=op), value)
        assert score(criterion(op=op), value) == 0.0
    assert not met_by(criterion(op="<="), {"another": 0.0})


@pytest.mark.parametrize(
    ("curve", "middle"),
    [("linear", 0.75), ("exponential", 0.625), ("sigmoid", 0.75)],
)
@pytest.mark.parametrize(("op", "soft"), [(">=", 0.0), (">", 0.0), ("<=", 2.0), ("<", 2.0)])
def test_a_score_rises_from_one_half_at_soft_to_one_at_the_threshold(
    op: str, soft: float, curve: str, middle: float
) -> None:
    """At soft 0.5, half-way as the curve says, at the threshold 1, twice as far as soft 0.25, on either side."""
    rule = criterion(op=op, soft=soft, curve=curve)
    points = [soft + (1.0 - soft) * x for x in (-1.0, 0.0, 0.5, 1.0, 2.0)]
    assert [score(rule, point) for point in points] == pytest.approx([0.25, 0.5, middle, 1.0, 1.0])
    assert score(rule, soft) == 0.5
    assert score(rule, 1.0) == 1.0


def test_the_sigmoid_is_rescaled() -> None:
    """A quarter of the way the sigmoid stands at (s(0.25) - s(0)) / (s(1) - s(0)), far under the straight line."""

    def s(x: float) -> float:
        return 1 / (1 + math.exp(-10 * (x - 0.5)))

    expected = 0.5 + 0.5 * (s(0.25) - s(0)) / (s(1) - s(0))
    assert score(criterion(op=">=", soft=0.0, curve="sigmoid"), 0.25) == pytest.approx(expected)


@pytest.mark.parametrize("soft", [0.5, 2.5])
def test_between_is_soft_alike_on_both_sides(soft: float) -> None:
    """The distance from soft to the nearest end counts below the lower end and above the upper one."""
    rule = on_both_sides(op="between", threshold=1.0, upper=2.0, soft=soft)
    values = [0.0, 0.5, 0.75, 1.0, 1.5, 2.0, 2.25, 2.5, 3.0]
    assert [score(rule, value) for value in values] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]


def test_equality_is_soft_alike_on_both_sides() -> None:
    """The distance from soft to the threshold counts below it and above it."""
    rule = on_both_sides(op="==", threshold=1.0, upper=None, soft=0.5)
    assert [score(rule, value) for value in (0.0, 0.5, 1.0, 1.25, 1.5)] == [0.25, 0.5, 1.0, 0.75, 0.5]


@pytest.mark.parametrize(
    ("keys", "value", "expected"),
    [
        ({"op": ">="}, 0.75, 0.25),
        ({"op": ">="}, 3.0, 0.0),
        ({"op": "<"}, 1.5, 0.5),
        ({"op": "=="}, 0.5, 0.5),
        ({"op": "!="}, 1.0, 0.0),
        ({"op": "between", "upper": 2.0}, 2.5, 0.5),
        ({"op": "between", "upper": 2.0}, 0.5, 0.5),
        ({"op": "between", "upper": 2.0}, 1.5, 0.0),
    ],
)
def test_a_shortfall_is_the_distance_to_the_threshold(keys: dict[str, Any], value: float, expected: float) -> None:
    """It is measured in the metric's unit and 0 once the threshold is reached."""
    assert shortfall(criterion(**keys), value) == expected


@pytest.mark.parametrize(
    ("keys", "worst_first"),
    [
        ({"op": ">="}, [-1.0, 1.0, 5.0]),
        ({"op": "<"}, [5.0, 1.0, -1.0]),
        ({"op": "=="}, [5.0, -1.0, 1.0]),
        ({"op": "!="}, [1.0, -1.0, 5.0]),
        ({"op": "between", "upper": 2.0}, [5.0, -1.0, 1.0]),
    ],
)
def test_badness_orders_values_from_the_worst(keys: dict[str, Any], worst_first: list[float]) -> None:
    """The key is larger the worse a value is for the criterion, also beyond its threshold."""
    assert sorted(worst_first, key=badness(criterion(**keys)), reverse=True) == worst_first


NUMBERS = st.floats(-1e9, 1e9)
CURVES = st.sampled_from(["linear", "exponential", "sigmoid"])


@given(NUMBERS, NUMBERS, st.lists(NUMBERS, min_size=2, max_size=6), CURVES, st.booleans())
def test_a_score_is_a_share_that_never_falls_towards_the_threshold(
    threshold: float, soft: float, values: list[float], curve: str, strict: bool
) -> None:
    """Every score is in [0, 1], 0.5 at soft, 1 at the threshold, and a better value never scores less."""
    assume(threshold != soft)
    upward = threshold > soft
    op = (">" if upward else "<") + ("" if strict else "=")
    rule = criterion(op=op, threshold=threshold, soft=soft, curve=curve)
    scores = [score(rule, value) for value in sorted(values, reverse=not upward)]
    assert all(0.0 <= points <= 1.0 for points in scores)
    assert scores == sorted(scores)
    assert score(rule, soft) == 0.5
    assert score(rule, threshold) == 1.0


@given(NUMBERS, st.floats(0.001, 1e6), NUMBERS, st.sampled_from([">=", "<=", ">", "<", "==", "!=", "between"]))
def test_a_score_of_one_half_without_soft_does_not_exist(threshold: float, width: float, value: float, op: str) -> None:
    """Without soft a criterion that is met scores 1 and any other 0."""
    rule = criterion(op=op, threshold=threshold, upper=threshold + width if op == "between" else None)
    assert score(rule, value) == (1.0 if met(rule, value) else 0.0)


@given(NUMBERS, NUMBERS)
def test_a_plain_criterion_and_one_of_a_gate_agree(threshold: float, value: float) -> None:
    """Promotion and gate say the same of the same condition."""
    plain = Criterion.model_validate({"metric": "m", "op": ">=", "threshold": threshold})
    assert met(plain, value) == met(criterion(op=">=", threshold=threshold), value) == (value >= threshold)
