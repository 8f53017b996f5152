"""Who goes on to the stages after this one."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from orchestrator.search.metrics import own_metrics
from orchestrator.search.objective import Goal, rank_key
from orchestrator.spec.criterion import Criterion
from orchestrator.spec.experiment import Objective

_UPWARD: Mapping[str, Goal] = {">=": "maximize", ">": "maximize", "<=": "minimize", "<": "minimize"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """A variant that has succeeded at a stage, with its metrics so far."""

    number: int
    metrics: Mapping[str, float]


def places(fraction: float, count: int) -> int:
    """How many of `count` go on: the fraction rounded up, at least 1, at most all.

    The fraction is taken as it is written: 0.1 of 30 is 3, though 0.1 * 30 is a little more in binary.
    """
    return min(count, max(1, math.ceil(Decimal(repr(fraction)) * count)))


def top(finalists: Sequence[Finalist], fraction: float, *, ranking: Objective | None) -> frozenset[int]:
    """The numbers of those that go on. Ties, and everybody when there is no ranking, by the lower number; no value last."""
    if not finalists:
        return frozenset()
    goal: Goal = "minimize" if ranking is None else ranking.goal
    metric = None if ranking is None else ranking.metric

    def standing(finalist: Finalist) -> tuple[tuple[bool, float], int]:
        value = None if metric is None else finalist.metrics.get(metric)
        return rank_key(value, goal=goal), finalist.number

    ordered = sorted(finalists, key=standing)
    return frozenset(finalist.number for finalist in ordered[: places(fraction, len(ordered))])


def ranking(
    finalists: Iterable[Finalist], *, objective: Objective | None, criteria: Iterable[Criterion] = ()
) -> Objective | None:
    """What `top` ranks by at a stage: the first of these that any finalist reports.

    The objective; the first gate criterion that has a direction, in that direction; the only metric there is, minimised, as
    it is for an experiment that declares no objective. None when there is nothing: then the order of the variants decides.
    """
    reported = dict.fromkeys(name for finalist in finalists for name in finalist.metrics)
    if objective is not None and objective.metric in reported:
        return objective
    for criterion in criteria:
        if criterion.op in _UPWARD and criterion.metric in reported:
            return Objective(metric=criterion.metric, goal=_UPWARD[criterion.op])
    return only_metric(reported)


def only_metric(reported: Iterable[str]) -> Objective | None:
    """The objective of an experiment that declares none: the workload's only metric, minimised."""
    own = own_metrics(reported)
    return Objective(metric=own[0], goal="minimize") if len(own) == 1 else None
