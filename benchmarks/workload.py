"""What the benchmarks evaluate: nothing, a given amount of CPU time, the time of day."""

import time
from collections.abc import Mapping
from typing import Any


def nothing(params: Mapping[str, Any]) -> float:
    """No work at all."""
    return float(params["x"])


def one_millisecond(params: Mapping[str, Any]) -> float:
    """A millisecond of CPU time."""
    return burn(0.001, params)


def ten_milliseconds(params: Mapping[str, Any]) -> float:
    """Ten milliseconds of CPU time."""
    return burn(0.010, params)


def burn(seconds: float, params: Mapping[str, Any]) -> float:
    """Use so many seconds of CPU time of this thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return float(params["x"])


def time_of_day(params: Mapping[str, Any]) -> dict[str, float]:
    """When it was running: seconds since the epoch."""
    return {"running_at": time.time(), "x": float(params["x"])}
