"""One criterion and one value: is it met, how far is it from that, how well does it score, which value is worse.

All operators are one idea, the *shortfall*: how far, in the metric's unit, the value is from meeting the criterion; 0 when it
does. `soft` becomes a tolerance, the shortfall at which the score is 0.5. With that the score of every operator is the same
formula: x = 1 - shortfall / tolerance, which for `>=` is (value - soft) / (threshold - soft).

`==` and `between` are scored alike on both sides: `soft` may stand on either, its distance counts for both.
"""

import math
from collections.abc import Callable, Mapping
from typing import assert_never

from orchestrator.spec.criterion import Criterion, GateCriterion

_STEEPNESS = 10.0


def shortfall(criterion: Criterion, value: float) -> float:
    """How far the value is from meeting the criterion, in the metric's unit, never negative. 0 for `!=`, which has no distance."""
    threshold = criterion.threshold
    match criterion.op:
        case ">=" | ">":
            return max(0.0, threshold - value)
        case "<=" | "<":
            return max(0.0, value - threshold)
        case "==":
            return abs(value - threshold)
        case "between":
            return max(0.0, threshold - value, value - _upper(criterion))
        case "!=":
            return 0.0
    assert_never(criterion.op)


def met(criterion: Criterion, value: float | None) -> bool:
    """Whether the value meets the criterion, `soft` aside. A missing or non-finite one does not. `between` holds its ends."""
    if value is None or not math.isfinite(value):
        return False
    if criterion.op in {">", "<", "!="} and value == criterion.threshold:
        return False
    return shortfall(criterion, value) == 0.0


def met_by(criterion: Criterion, metrics: Mapping[str, float]) -> bool:
    """Whether these metrics meet the criterion; a missing one does not."""
    return met(criterion, metrics.get(criterion.metric))


def wanted(criterion: Criterion) -> str:
    """What the criterion asks for: `>= 1`, `between 0 and 2`."""
    ends = (criterion.threshold,) if criterion.upper is None else (criterion.threshold, criterion.upper)
    return f"{criterion.op} {' and '.join(f'{end:.10g}' for end in ends)}"


def tolerance(criterion: GateCriterion) -> float:
    """The shortfall at which the score is 0.5: the distance from `soft` to the nearest edge; 0 without `soft`."""
    soft = criterion.soft
    if soft is None or criterion.op == "!=":
        return 0.0
    if criterion.op == "between":
        return shortfall(criterion, soft)
    return abs(criterion.threshold - soft)


def score(criterion: GateCriterion, value: float | None) -> float:
    """In [0, 1], never falling as the value comes nearer: 1 when met, 0.5 at `soft`, towards 0 beyond. Without `soft` 1 or 0.

    With `soft`, a strict operator scores 1 at the threshold itself, which is where its curve ends.
    """
    if value is None or not math.isfinite(value):
        return 0.0
    span = tolerance(criterion)
    if span == 0.0:
        return 1.0 if met(criterion, value) else 0.0
    distance = shortfall(criterion, value) / span
    if distance <= 1.0:
        return 0.5 + 0.5 * _curve(criterion, 1.0 - distance)
    return 0.5 / distance


def badness(criterion: Criterion) -> Callable[[float], float]:
    """A key that is larger for the worse of two values, also among values that meet the criterion."""
    threshold = criterion.threshold
    match criterion.op:
        case ">=" | ">":
            return lambda value: -value
        case "<=" | "<":
            return lambda value: value
        case "!=":
            return lambda value: -abs(value - threshold)
        case "==" | "between":
            return lambda value: shortfall(criterion, value)
    assert_never(criterion.op)


def _upper(criterion: Criterion) -> float:
    return criterion.threshold if criterion.upper is None else criterion.upper


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-_STEEPNESS * (x - 0.5)))


def _curve(criterion: GateCriterion, x: float) -> float:
    """From c(0) = 0 to c(1) = 1."""
    match criterion.curve:
        case "linear":
            return x
        case "exponential":
            return x * x
        case "sigmoid":
            return (_sigmoid(x) - _sigmoid(0.0)) / (_sigmoid(1.0) - _sigmoid(0.0))
    assert_never(criterion.curve)
