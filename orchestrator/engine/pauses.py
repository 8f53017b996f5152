"""When an experiment was paused: time that counts against no limit. Plain books; times are UTC microseconds."""

from collections.abc import Sequence
from typing import Any


class Pauses:
    """The pauses of one experiment, in their order."""

    def __init__(self, record: Sequence[Sequence[Any]] = ()) -> None:
        self._pauses: list[tuple[int, int | None]] = []  # from, and until
        self.recall(record)

    def recall(self, record: Sequence[Sequence[Any]]) -> None:
        """Those on record, as `lane_times` has them; what opens an ended experiment again ends a pause too."""
        for kind, time_us in record:
            (self.begin if kind == "pause" else self.end)(time_us)

    def begin(self, now_us: int) -> None:
        """It is paused from now on."""
        self._pauses.append((now_us, None))

    def end(self, now_us: int) -> None:
        """It goes on, if it was paused."""
        self._pauses = [(from_us, now_us if until_us is None else until_us) for from_us, until_us in self._pauses]

    @property
    def under_way(self) -> bool:
        """Whether it is paused now."""
        return bool(self._pauses) and self._pauses[-1][1] is None

    def seconds_outside(self, since_us: int, until_us: int) -> float:
        """How much of the time between two instants it was not paused."""
        paused_us = sum(
            max(0, (until_us if end_us is None else min(end_us, until_us)) - max(since_us, from_us))
            for from_us, end_us in self._pauses
        )
        return (until_us - since_us - paused_us) / 1e6
