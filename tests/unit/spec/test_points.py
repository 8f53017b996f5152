"""Values of parameters and the number of points of a space."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import InvalidSpec
from orchestrator.spec.points import grid_size, has_value, is_active, is_finite, ordered, value_at, value_count
from orchestrator.spec.space import AnyParameter, Choices, FloatRange, IntegerRange, Space
from tests.unit.spec.files import SPECS, read


def every_value(parameter: AnyParameter) -> list[Any]:
    """The values by position."""
    return [value_at(parameter, index) for index in range(value_count(parameter) or 0)]


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        (Choices(choices=("b", "a")), ["b", "a"]),
        (IntegerRange(low=5, high=9), [5, 6, 7, 8, 9]),
        (IntegerRange(low=5, high=16, step=5), [5, 10, 15]),
        (FloatRange(low=0.1, high=0.5, step=0.1), [0.1, 0.2, 0.3, 0.4, 0.5]),
        (FloatRange(low=-0.3, high=0.0, step=0.1), [-0.3, -0.2, -0.1, 0.0]),
        (FloatRange(low=0.0, high=1.0, step=0.3), [0.0, 0.3, 0.6, 0.9]),
    ],
)
def test_values_are_what_the_file_means(parameter: AnyParameter, values: list[Any]) -> None:
    """Values come in order, ends included, and decimal steps give the decimals one would write."""
    assert repr(every_value(parameter)) == repr(values)


@pytest.mark.parametrize(
    ("parameter", "value", "held"),
    [
        (FloatRange(low=0.1, high=0.5, step=0.1), 0.3, True),
        (FloatRange(low=0.1, high=0.5, step=0.1), 0.35, False),
        (FloatRange(low=0.0, high=1.0), 1, True),
        (FloatRange(low=0.0, high=1.0), True, False),
        (IntegerRange(low=1, high=9, step=2), 3, True),
        (IntegerRange(low=1, high=9, step=2), 4, False),
        (IntegerRange(low=1, high=9, step=2), 11, False),
        (IntegerRange(low=1, high=9), "3", False),
        (Choices(choices=(1, "a")), 1, True),
        (Choices(choices=(1, "a")), True, False),
        (Choices(choices=(1, "a")), "b", False),
    ],
)
def test_a_parameter_knows_its_values(parameter: AnyParameter, value: object, *, held: bool) -> None:
    """A value is held when it can be drawn; true is not 1."""
    assert has_value(parameter, value) is held


def test_a_continuous_parameter_has_no_count() -> None:
    """A range without step is not finite, a space with one neither."""
    space: Space = {"x": FloatRange(low=0.0, high=1.0), "y": IntegerRange(low=1, high=3)}

    assert value_count(space["x"]) is None
    assert not is_finite(space)
    with pytest.raises(ValueError, match="finite"):
        grid_size(space)


def test_a_conditional_parameter_stands_after_what_it_depends_on() -> None:
    """Order is the file's, except that conditions come first; a circle is left out."""
    pair = (1, 2)
    space: Space = {
        "late": Choices(choices=pair, when={"b": (1,)}),
        "a": Choices(choices=pair),
        "b": Choices(choices=pair, when={"a": (1,)}),
        "self": Choices(choices=pair, when={"self": (1,)}),
    }

    assert ordered(space) == ("a", "b", "late")


def test_the_points_of_an_empty_space_are_one() -> None:
    """Nothing to vary is one variant."""
    assert grid_size({}) == 1


def test_conditions_reduce_the_points() -> None:
    """A parameter that is absent does not multiply: three kinds, two depths, three lengths for two of the six."""
    space = read((SPECS / "right" / "conditions.toml").read_bytes()).space

    assert grid_size(space) == 4 + 2 * 3


def test_a_condition_on_an_absent_parameter_does_not_hold() -> None:
    """A chain of conditions ends with the first that is absent."""
    child = Choices(choices=(1, 2), when={"parent": (1,)})

    assert is_active(child, {"parent": 1})
    assert not is_active(child, {"parent": 2})
    assert not is_active(child, {})
    assert not is_active(child, {"parent": True})


def test_a_large_grid_is_counted_without_walking_it() -> None:
    """The number of points is exact also when nobody could enumerate them."""
    space: Space = {
        "n": IntegerRange(low=1, high=10**9),
        "m": IntegerRange(low=1, high=10**9, when={"n": (7, 8)}),
    }

    assert grid_size(space) == 10**9 - 2 + 2 * 10**9


def test_conditions_that_combine_without_end_are_refused() -> None:
    """A space made to keep the counter busy for ever is refused with a problem."""
    space: dict[str, AnyParameter] = {f"a{i}": Choices(choices=(1, 2)) for i in range(40)}
    space |= {f"b{i}": Choices(choices=(1, 2), when={f"a{i}": (1,)}) for i in range(40)}
    space["last"] = Choices(choices=(1, 2), when={f"b{i}": (1,) for i in range(40)})

    with pytest.raises(InvalidSpec) as caught:
        grid_size(dict(sorted(space.items())))

    assert [problem.where for problem in caught.value.problems] == ["space"]


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Up to five small parameters, each with conditions on earlier ones."""
    space: dict[str, AnyParameter] = {}
    for name in "abcde"[: draw(st.integers(0, 5))]:
        others = draw(st.lists(st.sampled_from(sorted(space)), unique=True, max_size=3)) if space else []
        when = {other: tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=2))) for other in others}
        kinds: list[AnyParameter] = [
            Choices(choices=(1, 2, 3)[: draw(st.integers(1, 3))], when=when),
            IntegerRange(low=1, high=3, when=when),
            FloatRange(low=1.0, high=2.0, step=0.5, when=when),
        ]
        space[name] = draw(st.sampled_from(kinds))
    return {name: space[name] for name in draw(st.permutations(sorted(space)))}


@given(spaces())
def test_the_count_is_the_number_of_different_points(space: Space) -> None:
    """Counting agrees with walking through all combinations and leaving out what is absent."""
    names = ordered(space)
    seen = set()
    for values in product(*(every_value(space[name]) for name in names)):
        chosen: dict[str, Any] = {}
        for name, value in zip(names, values, strict=True):
            if is_active(space[name], chosen):
                chosen[name] = value
        seen.add(tuple(chosen.items()))

    assert grid_size(space) == len(seen)
