"""Durations as people write them: "60s", "5min", "2h30m", "1.5d", "250ms", or a number of seconds. One way in every file."""

import re
from typing import Any

_NUMBER = r"(\d+(?:\.\d+)?)"
_WRITTEN = re.compile(rf"(?:{_NUMBER}d)?(?:{_NUMBER}h)?(?:{_NUMBER}m(?:in)?)?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?", re.ASCII)
_UNIT_SECONDS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_SHORT_SECONDS = 0.1
_FEW_SECONDS = 10.0  # below it a decimal is worth its place

PATTERN = r"^\s*\d+(\.\d+)?\s*(d|h|m|min|s|ms)(\s*\d+(\.\d+)?\s*(h|m|min|s|ms))*\s*$"
"""The same for a JSON Schema."""


def seconds_of(value: Any) -> float | None:
    """The seconds that a value of a file stands for, whatever their sign or size; None for what is no duration."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str) or not value.strip():
        return None
    found = _WRITTEN.fullmatch(value.replace(" ", ""))
    if found is None:
        return None
    return sum(float(number) * unit for number, unit in zip(found.groups(), _UNIT_SECONDS, strict=True) if number)


def written(seconds: float) -> str:
    """For people: `52 µs`, `4.1 ms`, `0.41 s`, `12 s`, `3 min 5 s`, `2 h 14 min`, `3 d 4 h`."""
    if 0 < seconds < _SHORT_SECONDS * 0.995:  # what would be written as 100 ms is 0.1 s
        return f"{seconds * 1e6:.0f} µs" if seconds < _SHORT_SECONDS / 100 else f"{seconds * 1e3:.2g} ms"
    if seconds < _FEW_SECONDS:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
