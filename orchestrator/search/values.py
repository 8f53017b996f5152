"""The values of a parameter as a sequence: what a grid goes through and a draw picks from."""

from collections.abc import Sequence
from typing import Any, overload

from orchestrator.spec.points import value_at, value_count
from orchestrator.spec.space import Choices, FloatRange, IntegerRange, Parameter

_HELD = (
    10_000  # decimal steps up to so many are computed once; the values of a longer range are computed when asked for
)


def values(parameter: Parameter) -> Sequence[Any] | None:
    """Every value in order, as `spec.points.value_at` gives them; None when they are not countable."""
    if isinstance(parameter, Choices):
        return parameter.choices
    if isinstance(parameter, IntegerRange):
        return range(parameter.low, parameter.high + 1, parameter.step)
    count = value_count(parameter)
    if count is None:
        return None
    steps = _Steps(parameter, range(count))
    return tuple(steps) if count <= _HELD else steps


class _Steps(Sequence[float]):
    """The values of a stepped range at some positions; none is held."""

    def __init__(self, parameter: FloatRange, positions: range) -> None:
        self._parameter = parameter
        self._positions = positions

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...
    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            return _Steps(self._parameter, self._positions[index])
        value: float = value_at(self._parameter, self._positions[index])
        return value
