"""What a running evaluation tells of itself."""

from collections.abc import Mapping
from typing import NamedTuple


class Report(NamedTuple):
    """Intermediate numbers at a step. A tuple: thousands may come in a second."""

    number: int  # its place among the reports of the attempt, from 0
    step: int
    time_us: int  # UTC
    metrics: Mapping[str, float]


class Spent(NamedTuple):
    """What an attempt has cost, as far as it has told."""

    usd: float = 0.0
    tokens: int = 0
