"""Stages that compute with NumPy: apart, since importing it takes a process longer than it takes to start."""

from collections.abc import Mapping
from typing import Any

import numpy as np

Parameters = Mapping[str, Any]


def vectors(params: Parameters, trial: Any) -> float:
    """NumPy work that lets the interpreter go."""
    rng = np.random.default_rng(int(params["x"]))
    values = rng.random(int(trial.arguments["size"]))
    for _ in range(int(trial.arguments["repeats"])):
        values = np.sqrt(values * 1.0001 + 0.5)
    return float(values.mean())


def hoard(params: Parameters, trial: Any) -> float:
    """Hold much memory for a moment."""
    held = np.ones(int(trial.arguments["size"]))
    return float(held.sum()) + float(params["x"])
