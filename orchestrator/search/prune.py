"""A file's [prune] becomes a rule: the one door to `prune_median`, `prune_halving` and `prune_threshold`."""

from typing import assert_never

from orchestrator.search.objective import Goal
from orchestrator.search.prune_base import Pruner
from orchestrator.search.prune_halving import Halving
from orchestrator.search.prune_median import Median
from orchestrator.search.prune_threshold import Threshold
from orchestrator.spec.criterion import Criterion
from orchestrator.spec.experiment import Objective
from orchestrator.spec.prune import FROM_STEP, MIN_REPORTS, MIN_STEP, REDUCTION, WARMUP_STEPS, PruneSpec


def pruned_metric(prune: PruneSpec, objective: Objective | None) -> str:
    """The reported metric that counts. A file without either was refused."""
    if prune.metric is not None:
        return prune.metric
    assert objective is not None
    return objective.metric


def pruner(prune: PruneSpec, objective: Objective | None) -> Pruner:
    """The rule a file asks for, knowing nothing yet."""
    goal: Goal = prune.goal or ("minimize" if objective is None else objective.goal)
    match prune.rule:
        case "median":
            return Median(
                goal=goal,
                min_reports=_or(prune.min_reports, MIN_REPORTS),
                warmup_steps=_or(prune.warmup_steps, WARMUP_STEPS),
            )
        case "halving":
            return Halving(goal=goal, reduction=_or(prune.reduction, REDUCTION), min_step=_or(prune.min_step, MIN_STEP))
        case "threshold":
            criterion = Criterion(
                metric=pruned_metric(prune, objective), op=prune.op or ">=", threshold=prune.threshold or 0.0
            )
            return Threshold(criterion, from_step=_or(prune.from_step, FROM_STEP))
    assert_never(prune.rule)


def _or(given: int | None, default: int) -> int:
    return default if given is None else given
