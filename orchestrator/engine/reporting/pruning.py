"""Whether the rule of [prune] has had anything to judge."""

from typing import Any

from orchestrator.search.prune import pruned_metric
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.store.views import Views

MOST_REPORTS = 10_000
"""So many of the newest reports are looked at for the names of their metrics."""


async def of(row: dict[str, Any], views: Views) -> dict[str, Any] | None:
    """The rule, its metric, how many it has pruned, and which metrics the evaluations report; None without a rule."""
    spec = ExperimentSpec.model_validate(row["spec"])
    if spec.prune is None:
        return None
    reported = await views.read("reported_metrics", {"experiment": row["id"], "limit": MOST_REPORTS})
    metric = pruned_metric(spec.prune, spec.objective)
    return {"rule": spec.prune.rule, "metric": metric, "pruned": row["variants"]["pruned"], "reported": reported}
