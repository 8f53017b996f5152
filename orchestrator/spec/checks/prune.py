"""Pruning: the metric it looks at is named somewhere, and something can report it."""

from collections.abc import Iterator

from orchestrator.spec.draft import Draft
from orchestrator.spec.findings import Finding
from orchestrator.spec.prune import PruneSpec


def check_metric(draft: Draft) -> Iterator[Finding]:
    """Without a metric of its own, pruning looks at the objective's: there must be one."""
    prune: PruneSpec | None = draft.values.get("prune")
    if prune is None or prune.metric is not None or draft.raw.get("objective") is not None:
        return
    yield Finding(("prune", "metric"), 'is missing: name the reported metric, metric = "…", or declare an objective')
