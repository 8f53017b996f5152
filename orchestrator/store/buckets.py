"""Durations counted in buckets whose bounds grow by 9 %, so that medians of millions are known without keeping them. Plain functions."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

_PER_DOUBLING = 8
_LEAST_SECONDS = 1e-9


def bucket_of(seconds: float) -> int:
    """The bucket of a duration."""
    return math.floor(math.log2(max(seconds, _LEAST_SECONDS)) * _PER_DOUBLING)


def counted(durations: Iterable[float]) -> Counter[int]:
    """How many durations are in which bucket."""
    return Counter(map(bucket_of, durations))


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The duration that `share` of all do not exceed, to within 5 %; None when there are none."""
    wanted = share * sum(counts.values())
    passed = 0
    for bucket in sorted(counts):
        passed += counts[bucket]
        if passed >= wanted:
            return float(2.0 ** ((bucket + 0.5) / _PER_DOUBLING))
    return None
