"""Quantiles by nearest rank: exact of values at hand, and of a stream in bounded memory."""

import math
from collections.abc import Sequence

_ACCURACY = 0.01  # relative
_GROWTH = math.log((1.0 + _ACCURACY) / (1.0 - _ACCURACY))
_SMALLEST, _LARGEST = 1e-9, 1e9  # beyond these values all are alike


def rank(share: float, *, count: int) -> int:
    """The position from 1 of the smallest value that at least this share of `count` values do not exceed."""
    return min(count, max(1, math.ceil(share * count - 1e-9)))


def quantile(values: Sequence[float], *, share: float) -> float:
    """The smallest of the values that at least this share of them do not exceed; there must be a value."""
    return sorted(values)[rank(share, count=len(values)) - 1]


class Sketch:
    """Quantiles of a stream of values ≥ 0 within 1 %, in at most about 2,100 counters however many values there are.

    After Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019: a
    counter for each interval of a geometric series. Values are told apart between 1e-9 and 1e9.
    """

    def __init__(self) -> None:
        self.count = 0
        self._counters: dict[int, int] = {}
        self._minimum = math.inf
        self._maximum = -math.inf

    def add(self, value: float) -> None:
        """Count one more value."""
        kept = min(max(value, _SMALLEST), _LARGEST)
        place = math.ceil(math.log(kept) / _GROWTH)
        self._counters[place] = self._counters.get(place, 0) + 1
        self.count += 1
        self._minimum = min(self._minimum, value)
        self._maximum = max(self._maximum, value)

    def quantile(self, share: float) -> float:
        """The value at the nearest rank, within 1 %; the smallest and the largest exactly. There must be a value."""
        wanted = rank(share, count=self.count)
        if wanted in {1, self.count}:
            return self._minimum if wanted == 1 else self._maximum
        seen, place = 0, 0
        for place in sorted(self._counters):
            seen += self._counters[place]
            if seen >= wanted:
                break
        middle = math.exp(place * _GROWTH) * (1.0 - _ACCURACY)
        return min(max(middle, self._minimum), self._maximum)
