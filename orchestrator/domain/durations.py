"""Durations as people write them: "60s", "5min", "2h30m", "1.5d", "250ms", or a number of seconds. One way in every file."""

import re
from typing import Any

_NUMBER = r"(\d+(?:\.\d+)?)"
_WRITTEN = re.compile(rf"(?:{_NUMBER}d)?(?:{_NUMBER}h)?(?:{_NUMBER}m(?:in)?)?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?", re.ASCII)
_UNIT_SECONDS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)

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
