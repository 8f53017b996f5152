"""How much an experiment will do at most, before anything of it runs."""

import math
from dataclasses import dataclass
from decimal import Decimal
from graphlib import TopologicalSorter

from orchestrator.domain.identity import canonical_json
from orchestrator.spec.criterion import Criterion, TopShare
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.spec.points import grid_size, is_finite
from orchestrator.spec.stage import StageSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """One stage, the executor that will run it, its evaluations in the whole experiment, at most, and what bounds each of them."""

    name: str
    executor: str
    runs: int | None
    python: str | None = None
    cpus: int = 1
    memory_bytes: int | None = None
    timeout_seconds: float | None = None
    timeout_factor: float | None = None


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

    Bounds, not forecasts: target, patience, gate, promotion by criterion, failures and repeated proposals can only make
    it less. Stages keep the file's order.
    """
    points = _points(spec)
    per_round = _smallest(spec.search.variants_per_round, points) or 0
    rounds = spec.loop.max_rounds if spec.search.method == "random" else 1  # grid and list are exhausted after one
    variants = _smallest(per_round * rounds, points) or 0
    each = max(1, len(spec.cases)) * spec.repeats
    runs = {
        name: min(variants, arriving * rounds) * each for name, arriving in _arriving(spec, variants=per_round).items()
    }
    most = spec.limits.evaluations
    return Plan(
        variants=variants,
        variants_per_round=per_round,
        evaluations=_smallest(sum(runs.values()), most),
        rounds=rounds,
        stages=tuple(_planned(stage, runs=_smallest(runs[stage.name], most)) for stage in spec.stages),
        max_parallel=spec.limits.max_parallel,
    )


def _planned(stage: StageSpec, *, runs: int | None) -> PlannedStage:
    return PlannedStage(
        name=stage.name,
        executor=stage.runs_on,
        runs=runs,
        python=stage.interpreter,
        cpus=stage.cpus,
        memory_bytes=stage.memory_bytes,
        timeout_seconds=stage.timeout_seconds,
        timeout_factor=stage.timeout_factor,
    )


def _points(spec: ExperimentSpec) -> int | None:
    """How many different variants there can be; None: endlessly many."""
    if spec.search.method == "list":
        return len({canonical_json(table) for table in spec.search.params})
    return grid_size(spec.space) if is_finite(spec.space) else None


def _smallest(*numbers: int | None) -> int | None:
    return min((number for number in numbers if number is not None), default=None)


def _arriving(spec: ExperimentSpec, *, variants: int) -> dict[str, int]:
    """How many variants of a round get to each stage."""
    stages = {stage.name: stage for stage in spec.stages}
    arriving: dict[str, int] = {}
    for name in TopologicalSorter({name: stage.after for name, stage in stages.items()}).static_order():
        before = ((stages[other].promote, arriving[other]) for other in stages[name].after)
        arriving[name] = min([variants, *(_promoted(promotion, count) for promotion, count in before)])
    return arriving


def _promoted(promotion: Criterion | TopShare | None, count: int) -> int:
    """How many of `count` go on; a criterion may let all through. A share is rounded up, as it is written in decimals."""
    if not isinstance(promotion, TopShare):
        return count
    return math.ceil(Decimal(repr(promotion.top)) * count)
