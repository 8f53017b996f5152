"""How much an experiment will do at most, before anything of it runs."""

import math
from dataclasses import dataclass

from orchestrator.domain.identity import canonical_json
from orchestrator.spec.criterion import TopShare
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.spec.points import grid_size, is_finite


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """One stage, the executor that will run it, and its evaluations in the whole experiment, at most."""

    name: str
    executor: str
    runs: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Upper bounds; None: without bound."""

    variants: int | None
    variants_per_round: int | None
    evaluations: int | None
    rounds: int
    stages: tuple[PlannedStage, ...]
    max_parallel: int


def plan(spec: ExperimentSpec) -> Plan:
    """Count rounds, variants and evaluations.

    Bounds, not forecasts: target, patience, gate, promotion by criterion and failures can only make it less. A share
    that is promoted is counted in every round, at least one variant.
    """
    points = _points(spec)
    per_round = _smallest(spec.search.variants_per_round, points) or 0
    rounds = spec.loop.max_rounds
    if points is not None and spec.search.method != "random":
        rounds = min(rounds, max(1, math.ceil(points / per_round))) if per_round else 1
    variants = per_round * rounds if points is None else min(points, per_round * rounds)
    runs = _runs(spec, variants, rounds=rounds)
    total = sum(runs.values())
    return Plan(
        variants=variants,
        variants_per_round=per_round,
        evaluations=_smallest(total, spec.limits.evaluations),
        rounds=rounds,
        stages=tuple(
            PlannedStage(name=stage.name, executor=stage.runs_on, runs=runs[stage.name]) for stage in spec.stages
        ),
        max_parallel=spec.limits.max_parallel,
    )


def _points(spec: ExperimentSpec) -> int | None:
    """How many different variants there can be; None: endlessly many."""
    if spec.search.method == "list":
        return len({canonical_json(table) for table in spec.search.params})
    return grid_size(spec.space) if is_finite(spec.space) else None


def _smallest(*numbers: int | None) -> int | None:
    return min((number for number in numbers if number is not None), default=None)


def _runs(spec: ExperimentSpec, variants: int, *, rounds: int) -> dict[str, int]:
    """Evaluations per stage: every variant that gets there, for every case and repeat."""
    each = max(1, len(spec.cases)) * spec.repeats
    stages = {stage.name: stage for stage in spec.stages}
    arriving: dict[str, int] = {}

    def leaving(name: str) -> int:
        promotion = stages[name].promote
        if not isinstance(promotion, TopShare):
            return arriving[name]
        return min(arriving[name], math.ceil(arriving[name] * promotion.top) + rounds - 1)

    waiting = list(stages)
    while ready := [name for name in waiting if all(other in arriving for other in stages[name].after)]:
        for name in ready:
            arriving[name] = min([variants, *(leaving(other) for other in stages[name].after)])
            waiting.remove(name)
    return {name: arriving[name] * each for name in stages}
