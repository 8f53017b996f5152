"""How long an evaluation of a stage usually takes, for timeouts that are a factor of it. Plain arithmetic on what was measured."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from statistics import median

NEWEST = 501
"""The median is of so many of the newest successful evaluations."""

FEWEST = 5
"""With fewer there is no timeout yet: the first are what shows how long one takes."""

LEAST_SECONDS = 1.0
"""No timeout is shorter: below it the machine's own hiccups would count."""


class Typical:
    """The running median of one stage, and the timeout that goes with it."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._newest: deque[float] = deque()
        self._sorted: list[float] = []

    def learn(self, wall_seconds: Iterable[float]) -> None:
        """Evaluations have succeeded after so long, in this order."""
        for seconds in wall_seconds:
            if len(self._newest) == NEWEST:
                del self._sorted[bisect_left(self._sorted, self._newest.popleft())]
            self._newest.append(seconds)
            insort(self._sorted, seconds)

    @property
    def timeout_seconds(self) -> float | None:
        """For what starts now; None as long as too little is known."""
        if len(self._sorted) < FEWEST:
            return None
        return max(LEAST_SECONDS, self._factor * median(self._sorted))
