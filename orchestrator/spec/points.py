"""The points of a space: the values of each parameter, which parameters a point has, and how many points there are."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from orchestrator.errors import InvalidSpec, Problem
from orchestrator.spec.space import AnyParameter, Choices, FloatRange, IntegerRange, Space

MOST_COMBINATIONS = 50_000


def value_count(parameter: AnyParameter) -> int | None:
    """How many values it has; None: uncountably many."""
    if isinstance(parameter, Choices):
        return len(parameter.choices)
    if isinstance(parameter, IntegerRange):
        return (parameter.high - parameter.low) // parameter.step + 1
    if parameter.step is None:
        return None
    low, high, step = (Decimal(repr(number)) for number in (parameter.low, parameter.high, parameter.step))
    return int(((high - low) / step).to_integral_value(rounding=ROUND_FLOOR)) + 1


def value_at(parameter: AnyParameter, index: int) -> Any:
    """The value at a position from 0 to `value_count` - 1. Steps are decimal: 0.1 and two steps of 0.1 are 0.3."""
    if isinstance(parameter, Choices):
        return parameter.choices[index]
    if isinstance(parameter, IntegerRange):
        return parameter.low + index * parameter.step
    if parameter.step is None:
        raise ValueError("a continuous parameter has no positions")
    return float(Decimal(repr(parameter.low)) + index * Decimal(repr(parameter.step))) + 0.0


def has_value(parameter: AnyParameter, value: Any) -> bool:
    """Whether the parameter can have this value."""
    if isinstance(parameter, Choices):
        return any(same_value(choice, value) for choice in parameter.choices)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not parameter.low <= value <= parameter.high:
        return False
    if isinstance(parameter, IntegerRange):
        return isinstance(value, int) and (value - parameter.low) % parameter.step == 0
    if parameter.step is None:
        return True
    return (Decimal(repr(value)) - Decimal(repr(parameter.low))) % Decimal(repr(parameter.step)) == 0


def same_value(left: Any, right: Any) -> bool:
    """Equal, and both or neither true or false: 1 is 1.0 but not true."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def is_active(parameter: AnyParameter, chosen: Mapping[str, Any]) -> bool:
    """Whether all its conditions hold among the values chosen so far; an absent parameter fulfils none."""
    return all(
        name in chosen and any(same_value(chosen[name], value) for value in allowed)
        for name, allowed in parameter.when.items()
    )


def ordered(space: Space) -> tuple[str, ...]:
    """The names so that each stands after those its conditions name, in file order otherwise.

    Names that stand in a circle of conditions, and what depends on them, are left out.
    """
    placed: dict[str, None] = {}
    waiting = list(space)
    while ready := next((name for name in waiting if all(other in placed for other in space[name].when)), None):
        placed[ready] = None
        waiting.remove(ready)
    return tuple(placed)


def is_finite(space: Space) -> bool:
    """Whether every parameter has countably many values."""
    return all(value_count(parameter) is not None for parameter in space.values())


def grid_size(space: Space) -> int:
    """How many different points a finite space has; a parameter whose conditions do not hold is absent.

    Counts without enumerating: parameters in order, keeping for every set of still waiting parameters that are known to be
    absent the number of ways to get there. Raises ValueError for a space that is not finite, InvalidSpec when the conditions
    combine in too many ways to count.
    """
    if not is_finite(space):
        raise ValueError("only a finite space has a number of points")
    ways: Counter[frozenset[str]] = Counter({frozenset(): 1})
    for name in ordered(space):
        following: Counter[frozenset[str]] = Counter()
        for absent, number in ways.items():
            for struck, values in _branches(space, name, is_absent=name in absent).items():
                following[(absent | struck) - {name}] += number * values
        ways = following
        if len(ways) > MOST_COMBINATIONS:
            raise InvalidSpec(
                problems=[Problem("space", "its conditions combine in too many ways; use fewer conditions")]
            )
    return ways.total()


def _branches(space: Space, name: str, *, is_absent: bool) -> Counter[frozenset[str]]:
    """For one parameter: the parameters that become absent → the number of its values for which they do."""
    children = {child: other.when[name] for child, other in space.items() if name in other.when}
    if is_absent:
        return Counter({frozenset(children): 1})
    parameter = space[name]
    branches: Counter[frozenset[str]] = Counter()
    own = parameter.choices if isinstance(parameter, Choices) else _mentioned(parameter, children.values())
    for value in own:
        branches[frozenset(c for c, allowed in children.items() if not any(same_value(value, a) for a in allowed))] += 1
    branches[frozenset(children)] += (value_count(parameter) or 0) - len(own)
    return +branches


def _mentioned(parameter: IntegerRange | FloatRange, conditions: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The values of a range that some condition names, each once; all others are alike."""
    named = {value for allowed in conditions for value in allowed if not isinstance(value, bool)}
    return tuple(value for value in named if has_value(parameter, value))
