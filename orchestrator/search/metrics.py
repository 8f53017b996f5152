"""One look-up for what a workload reported and what was measured about it."""

from collections.abc import Iterable, Mapping

from orchestrator.domain.outcome import MEASURED, Usage


def with_measured(metrics: Mapping[str, float] | None, usage: Usage) -> dict[str, float]:
    """The workload's metrics and the measured numbers that are known; a workload's own number of that name counts."""
    measured = ((name, getattr(usage, name)) for name in MEASURED)
    return {name: value for name, value in measured if value is not None} | dict(metrics or {})


def own_metrics(metrics: Iterable[str]) -> tuple[str, ...]:
    """The names that are the workload's, in the order given."""
    return tuple(name for name in metrics if name not in MEASURED)
