"""Every combination of the space, in file order, the last parameter changing fastest."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from random import Random
from typing import Any

from orchestrator.errors import InvalidSpec, Problem
from orchestrator.search.base import Point, Result
from orchestrator.search.values import values
from orchestrator.spec.experiment import SearchSpec
from orchestrator.spec.points import is_active, ordered
from orchestrator.spec.space import Parameter, Space

_Axis = tuple[str, Parameter, Sequence[Any]]


class Grid:
    """Proposes each valid combination once, in round 1; with a count the first so many. It needs no randomness.

    Choices come in their order, ranges from low to high; steps are decimal (`spec.points.value_at`). A conditional parameter
    stands after those it depends on, and is in a proposal only when its condition holds, so that no point comes twice.
    """

    def __init__(self, space: Space, *, search: SearchSpec) -> None:
        """Raises InvalidSpec when a parameter has infinitely many values."""
        del search
        axes = [(name, space[name], values(space[name])) for name in ordered(space)]
        endless = [name for name, _, sequence in axes if sequence is None]
        if endless:
            problems = [
                Problem(f"space.{name}", "has no end of values; a grid needs step or choices") for name in endless
            ]
            raise InvalidSpec("the space is not finite", hint='add step, or use method = "random"', problems=problems)
        self._axes = [(name, parameter, sequence) for name, parameter, sequence in axes if sequence is not None]

    def propose(self, round_number: int, *, count: int | None, rng: Random) -> Iterator[Point]:
        """All combinations in round 1, nothing later."""
        del rng
        return islice(_points(self._axes, {}), count if round_number == 1 else 0)

    def exhausted(self, round_number: int) -> bool:
        """After round 1."""
        return round_number >= 1

    def tell(self, results: Iterable[Result]) -> None:
        """A grid learns nothing."""


def _points(axes: Sequence[_Axis], chosen: Point) -> Iterator[Point]:
    """Every way to complete what was chosen, by the axes that are left."""
    if not axes:
        yield chosen
        return
    (name, parameter, sequence), *rest = axes
    if not is_active(parameter, chosen):
        yield from _points(rest, chosen)
    elif rest:
        for value in sequence:
            yield from _points(rest, {**chosen, name: value})
    else:
        for value in sequence:
            yield {**chosen, name: value}
