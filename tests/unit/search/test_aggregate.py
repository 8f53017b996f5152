"""One number a metric from those of the iterations."""

import math
import statistics
import sys
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.search.aggregate import Aggregate, Observation, Spread, aggregate, directions, mean, median, spread
from orchestrator.spec.criterion import Criterion
from orchestrator.spec.experiment import Objective

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def seen(*, stage: int = 0, case: str | None = None, repeat: int = 0, **metrics: float) -> Observation:
    return Observation(stage=stage, case=case, repeat=repeat, metrics=metrics)


TWO_CASES = [
    seen(case="short", repeat=0, ratio=1.0),
    seen(case="short", repeat=1, ratio=2.0),
    seen(case="long", repeat=0, ratio=3.0),
    seen(case="long", repeat=1, ratio=10.0),
]


def test_the_mean_is_over_cases_and_repeats_and_each_case_has_its_own() -> None:
    """Two cases of two repeats give one mean of four, its spread, and a mean of two for each case."""
    assert aggregate(TWO_CASES) == Aggregate(
        values={"ratio": 4.0},
        spread={"ratio": Spread(count=4, deviation=math.sqrt(50 / 3), minimum=1.0, maximum=10.0)},
        cases={"short": {"ratio": 1.5}, "long": {"ratio": 6.5}},
    )


def test_one_observation_is_its_own_aggregate() -> None:
    """A single evaluation has values as reported, no spread and no cases."""
    assert aggregate([seen(a=1.5, b=2.0)]) == Aggregate(values={"a": 1.5, "b": 2.0}, spread={}, cases={})


def test_nothing_observed_gives_nothing() -> None:
    """A variant none of whose iterations succeeded has no metrics."""
    assert aggregate([]) == Aggregate(values={}, spread={}, cases={})


def test_of_one_name_the_last_stage_counts() -> None:
    """A metric both stages report comes from the later alone; one that only the first reports is kept."""
    found = aggregate([seen(turns=1.0, cheap=5.0), seen(repeat=1, turns=3.0, cheap=7.0), seen(stage=1, turns=8.0)])
    assert found.values == {"turns": 8.0, "cheap": 6.0}
    assert set(found.spread) == {"cheap"}


def test_the_median_is_the_middle() -> None:
    """Of four values it is the mean of the middle two."""
    assert aggregate(TWO_CASES, method="median").values == {"ratio": 2.5}


def test_the_worst_follows_the_direction_of_each_metric() -> None:
    """An objective's goal counts first, then a criterion's operator; a metric without a direction has its mean."""
    worse = directions(
        [Objective(metric="sharpe", goal="maximize"), Objective(metric="loss", goal="minimize")],
        [
            Criterion(metric="sharpe", op="<=", threshold=9.0),
            Criterion(metric="drawdown", op="<", threshold=0.2),
            Criterion(metric="beta", op="between", threshold=0.0, upper=1.0),
            Criterion(metric="exact", op="==", threshold=2.0),
        ],
    )
    rows = [
        seen(repeat=0, sharpe=1.0, loss=1.0, drawdown=0.1, beta=0.5, exact=2.5, plain=1.0),
        seen(repeat=1, sharpe=2.0, loss=3.0, drawdown=0.3, beta=-0.5, exact=2.0, plain=2.0),
        seen(repeat=2, sharpe=3.0, loss=2.0, drawdown=0.2, beta=1.25, exact=1.75, plain=6.0),
    ]
    expected = {"sharpe": 1.0, "loss": 3.0, "drawdown": 0.3, "beta": -0.5, "exact": 2.5, "plain": 3.0}
    assert aggregate(rows, method="worst", worse=worse).values == expected


def test_the_worst_is_taken_within_each_case_too() -> None:
    """A case's own number is its own worst."""
    worse = directions([Objective(metric="ratio", goal="maximize")])
    found = aggregate(TWO_CASES, method="worst", worse=worse)
    assert (found.values, found.cases) == ({"ratio": 1.0}, {"short": {"ratio": 1.0}, "long": {"ratio": 3.0}})


def test_a_metric_that_some_repeats_lack_counts_those_that_have_it() -> None:
    """The count of the spread says over how many values it was taken."""
    found = aggregate([seen(a=1.0), seen(repeat=1, a=3.0, b=5.0), seen(repeat=2, a=2.0, b=7.0)])
    assert found.values == {"a": 2.0, "b": 6.0}
    assert {metric: each.count for metric, each in found.spread.items()} == {"a": 3, "b": 2}


def test_too_large_a_deviation_is_unknown_and_the_mean_still_a_number() -> None:
    """Values at both ends of what a float holds overflow nothing."""
    assert spread([-1.7e308, 1.7e308]).deviation is None
    assert mean([1.7e308, 1.7e308]) == median([1.7e308, 1.7e308]) == 1.7e308
    assert mean([1.7e308, -1.7e308, 1.7e308]) == mean(
        [1.7e308, 1.7e308, -1.7e308]
    )  # of the second the sum overflows on the way


@pytest.mark.parametrize("count", range(1, 21))
def test_a_mean_at_the_edge_of_what_a_float_can_hold_is_within_the_values(count: int) -> None:
    """Neither the sum of values that are just small enough overflows by rounding, nor that of their parts."""
    for value in (sys.float_info.max / count, sys.float_info.max, -sys.float_info.max / count):
        assert mean([value] * count) == value


@given(st.lists(NUMBERS, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_sums_do_not_depend_on_the_order(values: list[float], shuffler: Random) -> None:
    """Mean and median of a shuffled list are the same float, within the list's range."""
    shuffled = list(values)
    shuffler.shuffle(shuffled)
    for middle in (mean, median):
        assert middle(shuffled) == middle(values)
        assert min(values) <= middle(values) <= max(values)


@given(st.lists(st.floats(-1e100, 1e100), min_size=2, max_size=20))
def test_a_spread_is_that_of_the_sample(values: list[float]) -> None:
    """The deviation is the sample's, as the standard library computes it in exact fractions."""
    found = spread(values)
    assert (found.count, found.minimum, found.maximum) == (len(values), min(values), max(values))
    largest = max(map(abs, values))
    assert found.deviation == pytest.approx(statistics.stdev(values), rel=1e-9, abs=largest * 1e-15)
