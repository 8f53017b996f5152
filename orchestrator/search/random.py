"""Points drawn at random, each parameter by itself: evenly, or evenly in the logarithm."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from random import Random
from typing import Any

from orchestrator.search.base import Point, Result
from orchestrator.search.values import values
from orchestrator.spec.experiment import SearchSpec
from orchestrator.spec.points import is_active, ordered, value_count
from orchestrator.spec.space import Choices, FloatRange, IntegerRange, Parameter, Space

_Draw = Callable[[], Any]
_Axis = tuple[str, Parameter, _Draw]
_EVEN_BELOW = 2**32  # random() has 53 bits: for fewer values the unevenness is below one in two million


class RandomSearch:
    """Proposes points drawn from the whole space, without end; the same point may come again.

    A conditional parameter is drawn after those it depends on, and only when its condition holds.
    """

    def __init__(self, space: Space, *, search: SearchSpec) -> None:
        del search
        self._parameters: dict[str, Parameter] = {name: space[name] for name in ordered(space)}
        self._conditional = any(parameter.when for parameter in self._parameters.values())

    def propose(self, round_number: int, *, count: int | None, rng: Random) -> Iterator[Point]:
        """Fresh points; the round shows in nothing but the `rng` that belongs to it. Without a count it never ends."""
        del round_number
        draws = [(name, parameter, _draw(parameter, rng)) for name, parameter in self._parameters.items()]
        points = _conditional_points(draws) if self._conditional else _plain_points(draws)
        return islice(points, count)

    def exhausted(self, round_number: int) -> bool:
        """Never."""
        del round_number
        return False

    def tell(self, results: Iterable[Result]) -> None:
        """Chance learns nothing."""


def _plain_points(draws: Sequence[_Axis]) -> Iterator[Point]:
    named = [(name, draw) for name, _, draw in draws]
    while True:
        yield {name: draw() for name, draw in named}


def _conditional_points(draws: Sequence[_Axis]) -> Iterator[Point]:
    named = [(name, parameter if parameter.when else None, draw) for name, parameter, draw in draws]
    while True:
        point: Point = {}
        for name, conditional, draw in named:
            if conditional is None or is_active(conditional, point):
                point[name] = draw()
        yield point


def _draw(parameter: Parameter, rng: Random) -> _Draw:
    if not isinstance(parameter, Choices) and parameter.log:
        return _logarithmic(parameter, rng)
    if isinstance(parameter, FloatRange) and parameter.step is None:
        return _between(parameter, rng)
    return _one_of(parameter, rng)


def _one_of(parameter: Parameter, rng: Random) -> _Draw:
    """Evenly over the values. Several times faster than `randrange` where there are not too many of them."""
    sequence, count, unit = values(parameter), value_count(parameter), rng.random
    assert sequence is not None
    assert count is not None
    if count > _EVEN_BELOW:
        return lambda: sequence[rng.randrange(count)]
    return lambda: sequence[int(unit() * count)]


def _between(parameter: FloatRange, rng: Random) -> _Draw:
    """Evenly over the reals from low to high; halved on the way where the width is too large for a float."""
    low, high, unit = parameter.low, parameter.high, rng.random
    width = high - low
    if math.isinf(width):
        return lambda: 2.0 * min(low / 2 + (high / 2 - low / 2) * unit(), high / 2)
    return lambda: min(low + width * unit(), high)


def _logarithmic(parameter: IntegerRange | FloatRange, rng: Random) -> _Draw:
    """Evenly in the logarithm. A whole number v stands for the reals from v to v + 1: its chance is as log((v + 1) / v)."""
    low, high, unit, exponential = parameter.low, parameter.high, rng.random, math.exp
    whole = isinstance(parameter, IntegerRange)
    bottom = math.log(low)
    width = math.log(high + 1 if whole else high) - bottom
    if whole:
        return lambda: min(max(int(exponential(bottom + width * unit())), low), high)
    return lambda: min(max(exponential(bottom + width * unit()), low), high)
