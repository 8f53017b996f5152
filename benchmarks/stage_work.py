"""What the benchmark of stages runs: a fixed amount of pure-Python work, waiting, both, and other kinds of stages."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

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


def vectors(params: Parameters, trial: Any) -> float:
    """NumPy work that lets the interpreter go."""
    rng = np.random.default_rng(int(params["x"]))
    values = rng.random(int(trial.arguments["size"]))
    for _ in range(int(trial.arguments["repeats"])):
        values = np.sqrt(values * 1.0001 + 0.5)
    return float(values.mean())


def tiny(params: Parameters) -> float:
    """About a microsecond."""
    return float(params["x"])


def hoard(params: Parameters, trial: Any) -> float:
    """Hold much memory for a moment."""
    held = np.ones(int(trial.arguments["size"]))
    return float(held.sum()) + float(params["x"])
