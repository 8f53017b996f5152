"""Durations counted in buckets whose bounds grow by 9 %, so that medians of millions are known without keeping them. Plain functions."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

_PER_DOUBLING = 8
_floor, _log2 = math.floor, math.log2


def counted(durations: Iterable[float]) -> Counter[int]:
    """How many durations, each above 0, are in which bucket. Called for thousands at once."""
    return Counter([_floor(_log2(seconds) * _PER_DOUBLING) for seconds in durations])


def at_least(counts: Mapping[int, int], seconds: float) -> int:
    """How many durations are surely not below some seconds above 0: those in whole buckets from there on."""
    first = math.ceil(_log2(seconds) * _PER_DOUBLING)
    return sum(count for bucket, count in counts.items() if bucket >= first)


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The duration that `share` of all do not exceed, to within 5 %; None when there are none."""
    wanted = share * sum(counts.values())
    passed = 0
    for bucket in sorted(counts):
        passed += counts[bucket]
        if passed >= wanted:
            return float(2.0 ** ((bucket + 0.5) / _PER_DOUBLING))
    return None
