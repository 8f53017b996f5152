"""Quantiles by nearest rank."""

import math
from collections.abc import Sequence


def quantile(values: Sequence[float], *, share: float) -> float:
    """The smallest of the values that at least this share of them do not exceed; there must be a value."""
    rank = min(len(values), max(1, math.ceil(share * len(values) - 1e-9)))
    return sorted(values)[rank - 1]
