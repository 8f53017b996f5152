"""The experiments that the benchmarks submit."""

from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def random_sweep(function: str, *, variants: int, slots: int, metric: str = "value") -> dict[str, Any]:
    """One round of random variants of one number, each evaluated once in a process slot."""
    return {
        "name": function.replace("_", "-"),
        "seed": 1,
        "objective": {"metric": metric, "goal": "minimize"},
        "stage": {"call": f"workload:{function}", "executor": "process", "workdir": str(HERE)},
        "space": {"x": {"low": 0.0, "high": 1.0}},
        "search": {"method": "random", "variants": variants},
        "loop": {"max_rounds": 1},
        "limits": {"max_parallel": slots},
    }


def commands(*, variants: int, slots: int) -> dict[str, Any]:
    """The program `true`, once for every variant of a grid."""
    return {
        "name": "commands",
        "seed": 1,
        "stage": {"command": ["true"], "workdir": str(HERE)},
        "space": {"x": {"low": 1, "high": variants, "step": 1}},
        "limits": {"max_parallel": slots},
    }
