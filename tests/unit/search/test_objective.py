"""Better, by how much, and in which order."""

import math

import pytest

from orchestrator.search.objective import Goal, compare, improvement, rank_key


@pytest.mark.parametrize(
    ("left", "right", "goal", "expected"),
    [
        (2.0, 1.0, "maximize", -1),
        (2.0, 1.0, "minimize", 1),
        (1.0, 1.0, "maximize", 0),
        (None, -math.inf, "maximize", 1),
        (math.inf, None, "minimize", -1),
        (None, None, "minimize", 0),
    ],
)
def test_the_better_value_compares_lower(left: float | None, right: float | None, goal: Goal, expected: int) -> None:
    """The goal says which way is better, and any value is better than none."""
    assert compare(left, right, goal=goal) == expected


@pytest.mark.parametrize(
    ("before", "after", "goal", "expected"),
    [
        (1.0, 1.5, "maximize", 0.5),
        (1.0, 1.5, "minimize", -0.5),
        (None, 1.0, "minimize", math.inf),
        (1.0, None, "minimize", -math.inf),
        (None, None, "maximize", 0.0),
    ],
)
def test_an_improvement_is_positive_towards_the_goal(
    before: float | None, after: float | None, goal: Goal, expected: float
) -> None:
    """It has the objective's unit and the goal's direction; a first value is infinitely better than none."""
    assert improvement(before, after, goal=goal) == expected


def test_ranking_puts_the_best_first_and_none_last() -> None:
    """A list sorted by the key runs from the best to the missing."""
    values = [None, 1.0, 3.0, -2.0]
    assert sorted(values, key=lambda value: rank_key(value, goal="maximize")) == [3.0, 1.0, -2.0, None]
    assert sorted(values, key=lambda value: rank_key(value, goal="minimize")) == [-2.0, 1.0, 3.0, None]
