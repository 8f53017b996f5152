"""The grid: which points, in which order, and that it is never a list."""

from itertools import islice, product
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.identity import canonical_json
from orchestrator.errors import InvalidSpec
from orchestrator.search.grid import Grid
from orchestrator.spec.points import grid_size
from tests.unit.search.spaces import ANY_SEARCH, space_of


def proposals(count: int | None = None, /, **parameters: Any) -> list[dict[str, Any]]:
    return list(Grid(space_of(**parameters), search=ANY_SEARCH).propose(1, count=count, rng=Random(0)))


def test_the_last_parameter_changes_fastest_and_choices_keep_their_order() -> None:
    """Points come in the order of nested loops over the file's parameters."""
    assert proposals(kind=["sma", "ema"], n={"low": 1, "high": 2}) == [
        {"kind": "sma", "n": 1},
        {"kind": "sma", "n": 2},
        {"kind": "ema", "n": 1},
        {"kind": "ema", "n": 2},
    ]


def test_decimal_steps_come_out_as_a_person_writes_them() -> None:
    """0.1 by 0.1 gives 0.3, not 0.30000000000000004, and high is included when a step leads to it."""
    points = proposals(x={"low": 0.1, "high": 0.7, "step": 0.1})
    assert [repr(point["x"]) for point in points] == ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]


def test_a_range_ends_at_the_last_step_below_high() -> None:
    """High is left out when no step leads to it."""
    assert [point["n"] for point in proposals(n={"low": 5, "high": 12, "step": 5})] == [5, 10]


def test_a_conditional_parameter_is_there_only_when_its_condition_holds() -> None:
    """`smooth` appears with ema alone, and sma appears once."""
    assert proposals(kind=["ema", "sma"], smooth={"low": 1, "high": 2, "when": {"kind": "ema"}}) == [
        {"kind": "ema", "smooth": 1},
        {"kind": "ema", "smooth": 2},
        {"kind": "sma"},
    ]


def test_a_condition_may_stand_before_what_it_names() -> None:
    """The order in the file does not decide whether a condition can be met."""
    points = proposals(smooth={"low": 1, "high": 2, "when": {"kind": "ema"}}, kind=["ema", "sma"])
    assert sorted(map(canonical_json, points)) == [
        '{"kind":"ema","smooth":1}',
        '{"kind":"ema","smooth":2}',
        '{"kind":"sma"}',
    ]


def test_a_condition_on_an_absent_parameter_does_not_hold() -> None:
    """What hangs on an absent parameter is absent too."""
    points = proposals(a=["x", "y"], b={"choices": [1], "when": {"a": "x"}}, c={"choices": [2], "when": {"b": 1}})
    assert points == [{"a": "x", "b": 1, "c": 2}, {"a": "y"}]


def test_an_empty_space_is_one_point() -> None:
    """With nothing to vary there is one way to do it."""
    assert proposals() == [{}]


def test_a_count_takes_the_first_so_many() -> None:
    """A count cuts the grid at its end and never changes its order."""
    assert proposals(3, n={"low": 1, "high": 9}) == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_everything_is_proposed_in_round_one() -> None:
    """Round 2 has nothing, and round 1 says so."""
    grid = Grid(space_of(n=[1, 2]), search=ANY_SEARCH)
    assert grid.exhausted(1)
    assert list(grid.propose(2, count=None, rng=Random(0))) == []


@pytest.mark.parametrize("wide", [{"low": 0, "high": 10**15}, {"low": 0.0, "high": 1.0, "step": 1e-12}])
def test_a_grid_too_large_for_memory_begins_at_once(wide: dict[str, Any]) -> None:
    """The first points of a range of 10^12 values and more come without the rest being made."""
    grid = Grid(space_of(a=wide, b=wide), search=ANY_SEARCH)
    assert [point["a"] for point in islice(grid.propose(1, count=None, rng=Random(0)), 3)] == [0, 0, 0]


def test_a_continuous_parameter_is_refused_by_its_key() -> None:
    """Every parameter without an end of values is named, and no other."""
    with pytest.raises(InvalidSpec) as refused:
        Grid(space_of(x={"low": 0.0, "high": 1.0}, n=[1]), search=ANY_SEARCH)
    assert [problem.where for problem in refused.value.problems] == ["space.x"]


SCALARS = st.one_of(st.integers(-3, 3), st.booleans(), st.sampled_from([0.0, 1.0, 2.5]), st.sampled_from("abc"))


@given(st.lists(st.lists(SCALARS, min_size=1, max_size=4), max_size=4))
def test_a_grid_is_the_set_of_all_combinations(columns: list[list[Any]]) -> None:
    """Without conditions the grid is the product of the different values, each combination once."""
    named = {f"p{index}": column for index, column in enumerate(columns)}
    found = [canonical_json(point) for point in proposals(**named)]
    assert set(found) == {canonical_json(dict(zip(named, point, strict=True))) for point in product(*columns)}
    assert len(found) == len(set(found))


@given(st.integers(1, 4), st.sets(st.integers(0, 3), min_size=1), st.sets(st.integers(0, 2), min_size=1), st.booleans())
def test_a_conditional_grid_has_every_valid_point_once(
    width: int, first: set[int], second: set[int], chained: bool
) -> None:
    """The proposals are the valid combinations, each once, as many as are counted without enumerating them."""
    parameters: dict[str, Any] = {
        "a": list(range(width)),
        "b": {"low": 0, "high": 2, "when": {"a": sorted(first)}},
        "c": {"choices": ["x", "y"], "when": {"b": sorted(second)} if chained else {"a": 0}},
    }
    expected = set()
    for a, b, c in product(range(width), range(3), "xy"):
        point: dict[str, Any] = {"a": a}
        if a in first:
            point["b"] = b
        if point.get("b") in second if chained else a == 0:
            point["c"] = c
        expected.add(canonical_json(point))
    found = [canonical_json(point) for point in proposals(**parameters)]
    assert set(found) == expected
    assert len(found) == len(expected) == grid_size(space_of(**parameters))
