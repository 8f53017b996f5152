"""What the benchmark of stages runs: a fixed amount of pure-Python work, waiting, both, and other kinds of stages."""

import time
from collections.abc import Mapping
from typing import Any

Parameters = Mapping[str, Any]


def turns_a_second() -> float:
    """How many turns of the loop this machine makes in a second, alone: the amount of work is fixed by it once for all strategies."""
    begun = time.perf_counter()
    spin(1_000_000)
    return 1_000_000 / (time.perf_counter() - begun)


def spin(turns: int) -> int:
    """Pure-Python work that never lets the interpreter go."""
    total = 0
    for number in range(turns):
        total += number
    return total


def stage(params: Parameters, trial: Any) -> dict[str, float]:
    """Compute for so many turns, then wait for so many seconds (arguments `turns` and `nap`)."""
    del params
    begun = time.time()
    spin(int(trial.arguments.get("turns", 0)))
    nap = float(trial.arguments.get("nap", 0.0))
    if nap:
        time.sleep(nap)
    return {"begun_at": begun, "ended_at": time.time(), "value": nap}


def tiny(params: Parameters) -> float:
    """About a microsecond."""
    return float(params["x"])
