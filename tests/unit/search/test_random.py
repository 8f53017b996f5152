"""Random search: inside the space, even, and the same for the same seed."""

from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.search.random import RandomSearch
from orchestrator.spec.points import has_value
from tests.unit.search.spaces import ANY_SEARCH, space_of


def draws(*, count: int, seed: int = 1, **parameters: Any) -> list[dict[str, Any]]:
    return list(RandomSearch(space_of(**parameters), search=ANY_SEARCH).propose(1, count=count, rng=Random(seed)))


PARAMETERS = [
    pytest.param(["a", "b", "c"], id="choices"),
    pytest.param({"low": -3, "high": 4}, id="integers"),
    pytest.param({"low": 5, "high": 60, "step": 5}, id="stepped integers"),
    pytest.param({"low": 1, "high": 1000, "log": True}, id="logarithmic integers"),
    pytest.param({"low": -(2**63), "high": 2**63 - 1}, id="all integers"),
    pytest.param({"low": -1.5, "high": 2.5}, id="numbers"),
    pytest.param({"low": 0.1, "high": 0.9, "step": 0.1}, id="stepped numbers"),
    pytest.param({"low": 0.0, "high": 1.0, "step": 1e-9}, id="very many steps"),
    pytest.param({"low": 1e-6, "high": 10.0, "log": True}, id="logarithmic numbers"),
    pytest.param({"low": -1.7e308, "high": 1.7e308}, id="all numbers"),
]


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_every_draw_is_a_value_of_its_parameter(parameter: Any) -> None:
    """No draw leaves the space, at its type, its ends and its steps."""
    space = space_of(p=parameter)
    assert all(has_value(space["p"], point["p"]) for point in draws(count=2_000, p=parameter))


@given(st.floats(1e-300, 1e300), st.floats(1.0000001, 1e6), st.booleans(), st.integers(0, 2**32 - 1))
def test_draws_stay_between_low_and_high(low: float, factor: float, log: bool, seed: int) -> None:
    """Whatever the rounding, a draw is never beyond the ends."""
    high = low * factor
    for point in draws(count=20, seed=seed, x={"low": low, "high": high, "log": log}):
        assert low <= point["x"] <= high


@pytest.mark.parametrize(
    "parameter", [["a", "b", "c", "d"], {"low": 1, "high": 4}, {"low": 0.1, "high": 0.4, "step": 0.1}]
)
def test_values_are_drawn_evenly(parameter: Any) -> None:
    """Each of four values is a quarter of the draws, its ends too."""
    found = [point["p"] for point in draws(count=8_000, p=parameter)]
    assert all(1_800 < found.count(value) < 2_200 for value in set(found))
    assert len(set(found)) == 4


@pytest.mark.parametrize("ends", [{"low": 1.0, "high": 10_000.0}, {"low": 1, "high": 9_999}])
def test_a_logarithmic_range_gives_every_decade_its_share(ends: dict[str, Any]) -> None:
    """Of four decades each has a quarter of the draws."""
    found = [point["p"] for point in draws(count=8_000, p={**ends, "log": True})]
    for decade in (1, 10, 100, 1_000):
        assert 1_800 < sum(decade <= value < 10 * decade for value in found) < 2_200


def test_a_conditional_parameter_is_drawn_only_when_its_condition_holds() -> None:
    """`smooth` is there exactly with ema, wherever the file puts it."""
    points = draws(count=200, smooth={"low": 1, "high": 9, "when": {"kind": "ema"}}, kind=["ema", "sma"])
    assert {point["kind"] for point in points} == {"ema", "sma"}
    assert all(("smooth" in point) == (point["kind"] == "ema") for point in points)


def test_seeds_decide_the_draws() -> None:
    """Equal seeds give equal sequences, other seeds others."""
    assert draws(count=20, seed=7, x={"low": 0.0, "high": 1.0}) == draws(count=20, seed=7, x={"low": 0.0, "high": 1.0})
    assert draws(count=20, seed=7, x={"low": 0.0, "high": 1.0}) != draws(count=20, seed=8, x={"low": 0.0, "high": 1.0})


def test_the_draws_of_a_seed_do_not_change_between_versions() -> None:
    """A recorded seed gives the recorded points, so that an experiment can be repeated after an upgrade."""
    point = draws(
        count=1, seed=42, a=["x", "y", "z"], n={"low": 1, "high": 100}, q={"low": 0.0, "high": 1.0, "step": 0.25}
    )
    assert point == [{"a": "y", "n": 3, "q": 0.25}]


def test_it_is_never_exhausted_and_never_ends() -> None:
    """Without a count points keep coming, in any round."""
    search = RandomSearch(space_of(n=[1]), search=ANY_SEARCH)
    assert not search.exhausted(1_000)
    assert len(list(islice(search.propose(9, count=None, rng=Random(0)), 500))) == 500
