"""Which of the reports of one attempt are kept: all of the first ten thousand, then every second, every fourth, …

Whoever counts the reports of an attempt from 0 can say by the number alone. At each doubling those that are on record are thinned
alike, so that between five and ten thousand, evenly spaced, are kept of however many there are.
"""

from __future__ import annotations

MOST_KEPT = 10_000


def stride_at(number: int) -> int:
    """Of every how many reports one is kept when this one comes."""
    stride = 1
    while number >= MOST_KEPT * stride:
        stride *= 2
    return stride


def is_kept(number: int) -> bool:
    """Whether this one is kept when it comes."""
    return number % stride_at(number) == 0


def begins_stride(number: int) -> int | None:
    """The new stride when with this one those on record are to be thinned."""
    stride = stride_at(number)
    return stride if stride > 1 and number == MOST_KEPT * stride // 2 else None
