"""Which of two values is better, by how much, and in what order many of them stand. None: there is no value."""

import math
from typing import Literal, TypeAlias

Goal: TypeAlias = Literal["maximize", "minimize"]


def rank_key(value: float | None, *, goal: Goal) -> tuple[bool, float]:
    """A sort key: the best value first, None last."""
    if value is None:
        return True, 0.0
    return False, -value if goal == "maximize" else value


def compare(left: float | None, right: float | None, *, goal: Goal) -> int:
    """-1 when `left` is better, 1 when `right` is, 0 when neither. Any value is better than None."""
    mine, other = rank_key(left, goal=goal), rank_key(right, goal=goal)
    return (mine > other) - (mine < other)


def improvement(before: float | None, after: float | None, *, goal: Goal) -> float:
    """By how much `after` is better than `before`, in the objective's own unit; negative when it is worse.

    A first value is an infinite improvement, a lost one an infinite loss; None after None is 0.
    """
    if before is None:
        return 0.0 if after is None else math.inf
    if after is None:
        return -math.inf
    return after - before if goal == "maximize" else before - after
