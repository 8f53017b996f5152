"""Many successes on their way to the daemon: column by column, which costs a fraction of a dict each to send and to receive."""

from __future__ import annotations

from typing import Any, NamedTuple, Union

from orchestrator.worker.batch import run_batch

FEWEST = 8
_NUMBERS = frozenset(
    {
        "started_us",
        "wall_seconds",
        "cpu_seconds",
        "output_bytes",
        "max_rss_bytes",
        "read_bytes",
        "written_bytes",
        "starved_seconds",
    }
)


class Columns(NamedTuple):
    """Outcomes, each of which has all of these numbers and metrics and nothing else."""

    numbers: dict[str, list[Any]]
    metrics: dict[str, list[float]]


def run_in_columns(batch: dict[str, Any]) -> Union[list[dict[str, Any]], Columns]:
    """`run_batch`, and its outcomes in columns if they can be."""
    return in_columns(run_batch(batch))


def in_columns(outcomes: list[dict[str, Any]]) -> Union[list[dict[str, Any]], Columns]:
    """The outcomes as they are when they are few, or differ in more than their numbers."""
    if len(outcomes) < FEWEST or not outcomes[0].get("metrics"):
        return outcomes
    names, metrics = outcomes[0].keys(), outcomes[0]["metrics"].keys()
    numbers = names - {"metrics"}
    if not numbers <= _NUMBERS:
        return outcomes
    for outcome in outcomes:
        if outcome.keys() != names or outcome["metrics"].keys() != metrics:
            return outcomes
    return Columns(
        {name: [outcome[name] for outcome in outcomes] for name in numbers},
        {name: [outcome["metrics"][name] for outcome in outcomes] for name in metrics},
    )
