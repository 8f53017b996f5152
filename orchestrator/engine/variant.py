"""A variant while it is being evaluated, in memory, and the plain function that says what comes next for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from orchestrator.domain.states import IterationState
from orchestrator.engine.plan import Plan
from orchestrator.engine.pruning import Pruning
from orchestrator.search.aggregate import Aggregate, Observation, aggregate, directions
from orchestrator.search.criterion import met_by
from orchestrator.spec.criterion import TopShare


@dataclass(slots=True)
class ActiveIteration:
    """One iteration of an active variant as it stands."""

    number: int
    stage: str
    case: str | None
    repeat: int
    seed: int
    state: IterationState
    attempt: int = 0  # the last one begun
    charged: int = 0  # failed attempts that count against its retries
    cause: str | None = None
    evictions: int = 0  # how often it has given way to others for want of memory, since the daemon started
    metrics: Mapping[str, float] | None = None  # the workload's own and those measured numbers that are in use
    deaths: int = 0  # of the charged attempts those that ended with their process
    failed_us: int | None = None  # as it was loaded: when the attempt failed after which it waits for the next


@dataclass(slots=True)
class ActiveVariant:
    """One variant that has something left to do."""

    number: int
    hash: int
    parameters_json: str
    iterations: dict[int, ActiveIteration] = field(default_factory=dict)
    pruned: Pruning | None = None  # it ends as soon as nothing of it runs any more
    committing: bool = False  # what follows for it is on its way to the store: nothing else follows meanwhile,
    overtaken: bool = False  # though something else of it has ended
    outdated: bool = (
        False  # more of it may be queued in the store than is known here: nothing follows before it is loaded anew
    )


class Step(StrEnum):
    """What comes next for a variant."""

    WAIT = "wait"  # something of it is queued or running
    QUEUE = "queue"  # further stages are open to it
    HOLD = "hold"  # it waits until its round is ready for a promotion among all
    EVALUATED = "evaluated"
    FAILED = "failed"
    PRUNED = "pruned"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Next:
    """The step and its stages: for QUEUE those that are open now, for HOLD those whose promotion it waits for."""

    step: Step
    stages: tuple[str, ...] = ()


def next_step(variant: ActiveVariant, plan: Plan, promoted: Mapping[str, bool] | None = None) -> Next:
    """What follows from where its iterations stand. `promoted` holds answers of round-wide promotions (stage to yes or no).

    A stage is open once all of those it comes after have succeeded. Where stages promote it also waits until nothing of the variant
    runs, and is closed when something has failed. So it never depends on timing what of a variant is run.
    """
    if variant.pruned is None and _all_well(variant):
        return _EVALUATED if len(plan.stages) == 1 else _after_success(variant, plan, promoted or {})
    states = {iteration.state for iteration in variant.iterations.values()}
    if variant.pruned is not None:
        return _WAIT if IterationState.RUNNING in states else _PRUNED
    opened = _opened(variant, plan) if plan.flows else ()
    if opened:
        return Next(Step.QUEUE, opened)
    return next(following for state, following in _BY_STATE if state in states)


def _all_well(variant: ActiveVariant) -> bool:
    """Whether all that was begun has succeeded. As a loop, and with the word at hand: thousands are asked at once."""
    for iteration in variant.iterations.values():  # noqa: SIM110 a generator takes twice as long
        if iteration.state is not _SUCCEEDED:
            return False
    return True


_SUCCEEDED = IterationState.SUCCEEDED
_WAIT, _PRUNED = Next(Step.WAIT), Next(Step.PRUNED)
_BY_STATE = (
    (IterationState.QUEUED, _WAIT),
    (IterationState.RUNNING, _WAIT),
    (IterationState.FAILED, Next(Step.FAILED)),
    (IterationState.CANCELLED, Next(Step.CANCELLED)),
)
_EVALUATED = Next(Step.EVALUATED)


def _opened(variant: ActiveVariant, plan: Plan) -> tuple[str, ...]:
    """The stages that have not begun, and come after nothing but what has succeeded."""
    begun = {iteration.stage for iteration in variant.iterations.values()}
    unfinished = {one.stage for one in variant.iterations.values() if one.state is not IterationState.SUCCEEDED}
    done = begun - unfinished
    return tuple([name for name, stage in plan.stages.items() if name not in begun and done.issuperset(stage.after)])


def _after_success(variant: ActiveVariant, plan: Plan, promoted: Mapping[str, bool]) -> Next:
    """All that was begun has succeeded: which stages are open now, held back, or closed to it?"""
    done = {iteration.stage for iteration in variant.iterations.values()}
    ready, held = [], []
    for name, stage in plan.stages.items():
        if name in done or not done.issuperset(stage.after):
            continue
        answers = {before: _goes_on(variant, plan, before, promoted) for before in stage.after}
        if False in answers.values():
            return Next(Step.PRUNED)
        waiting = [before for before, answer in answers.items() if answer is None]
        held += waiting
        if not waiting:
            ready.append(name)
    if ready:
        return Next(Step.QUEUE, tuple(ready))
    if held:
        return Next(Step.HOLD, tuple(dict.fromkeys(held)))
    return _EVALUATED


def _goes_on(variant: ActiveVariant, plan: Plan, stage: str, promoted: Mapping[str, bool]) -> bool | None:
    promote = plan.stages[stage].promote
    if promote is None:
        return True
    if isinstance(promote, TopShare):
        return promoted.get(stage)
    return met_by(promote, stage_metrics(variant, plan, stage))


def _observations(variant: ActiveVariant, plan: Plan, stage: str | None = None) -> list[Observation]:
    return [
        Observation(
            stage=plan.position[iteration.stage],
            case=iteration.case,
            repeat=iteration.repeat,
            metrics=iteration.metrics or {},
        )
        for _, iteration in sorted(variant.iterations.items())
        if iteration.state is IterationState.SUCCEEDED and stage in (None, iteration.stage)
    ]


def stage_metrics(variant: ActiveVariant, plan: Plan, stage: str) -> Mapping[str, float]:
    """What a variant's iterations of one stage come to."""
    return _aggregate(_observations(variant, plan, stage), plan).values


def only_metrics(variant: ActiveVariant, plan: Plan) -> Mapping[str, float] | None:
    """What the one iteration of a variant has measured, which is all there is to know of it; None when there are several, or cases."""
    if len(variant.iterations) != 1 or plan.cases != (None,):
        return None
    (only,) = variant.iterations.values()
    return only.metrics or {}


def variant_metrics(variant: ActiveVariant, plan: Plan) -> Aggregate:
    """What all of a variant's iterations come to."""
    return _aggregate(_observations(variant, plan), plan)


def _aggregate(observations: list[Observation], plan: Plan) -> Aggregate:
    worse = directions(plan.measures.objectives, plan.measures.criteria) if plan.spec.aggregate == "worst" else None
    return aggregate(observations, method=plan.spec.aggregate, worse=worse)


def spread_json(aggregated: Aggregate) -> dict[str, Any]:
    """The spread of each metric and, with cases, each case's own metrics, for the record."""
    spread = {
        metric: {"count": s.count, "deviation": s.deviation, "minimum": s.minimum, "maximum": s.maximum}
        for metric, s in aggregated.spread.items()
    }
    return {"spread": spread, "cases": {case: dict(values) for case, values in aggregated.cases.items()}}
