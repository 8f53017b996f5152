"""Attempts of one batch that have all succeeded, column by column: what is alike in thousands is an object each only for who asks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import repeat
from typing import Any, TypeVar

from orchestrator.domain.outcome import UNKNOWN_USAGE, AttemptEnd, Outcome, Usage


class Successes(Mapping[int, Outcome]):
    """Positions in a batch, from 0 on, to outcomes. Each has the same metrics, told nothing else, and ran in one process.

    `numbers` are columns by the names of `Usage`. Raises KeyError, TypeError or ValueError when there is no start or no duration of each.
    """

    def __init__(
        self,
        numbers: Mapping[str, Sequence[Any]],
        metrics: Mapping[str, Sequence[float]],
        *,
        pid: int,
        start_ticks: int,
    ) -> None:
        times = zip(numbers["started_us"], numbers["wall_seconds"], strict=True)
        finished = [started + int(wall * 1e6) for started, wall in times]
        self.numbers: Mapping[str, Sequence[Any]] = {**numbers, "finished_us": finished}
        self.metrics = metrics
        self.pid = pid
        self.start_ticks = start_ticks

    def __len__(self) -> int:
        return len(self.numbers["started_us"])

    def __getitem__(self, position: int) -> Outcome:
        return self._outcomes[position]

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def first(self, count: int) -> "Successes":
        """The first `count` of them, without a look at the others."""
        numbers = {name: column[:count] for name, column in self.numbers.items()}
        metrics = {name: column[:count] for name, column in self.metrics.items()}
        return Successes(numbers, metrics, pid=self.pid, start_ticks=self.start_ticks)

    @cached_property
    def _outcomes(self) -> dict[int, Outcome]:
        """All of them, made without a call for each."""
        usages = {**self.numbers, "pid": repeat(self.pid), "start_ticks": repeat(self.start_ticks)}
        outcomes = _tuples(_SUCCESS, {"metrics": self._each_metrics(), "usage": _tuples(UNKNOWN_USAGE, usages)})
        return dict(zip(range(len(self)), outcomes, strict=True))

    def _each_metrics(self) -> list[dict[str, float]]:
        names = tuple(self.metrics)
        if len(names) == 1:  # as a rule
            return [{names[0]: value} for value in self.metrics[names[0]]]
        return [dict(zip(names, values, strict=True)) for values in zip(*self.metrics.values(), strict=True)]


_SUCCESS = Outcome(AttemptEnd.SUCCEEDED)
Facts = TypeVar("Facts", Outcome, Usage)


def _tuples(like: Facts, columns: Mapping[str, Iterable[Any]]) -> Iterator[Facts]:
    """Named tuples with the values of the columns, and the values of another one where there is no column."""
    values = [
        columns[name] if name in columns else repeat(value) for name, value in zip(like._fields, like, strict=True)
    ]
    return map(partial(tuple.__new__, type(like)), zip(*values, strict=False))
