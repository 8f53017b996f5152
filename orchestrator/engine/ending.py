"""How attempts, iterations and variants end: what is put on record of them, as one move each. Plain functions."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.domain.outcome import Outcome
from orchestrator.domain.states import IterationState, VariantState
from orchestrator.engine.plan import Plan
from orchestrator.engine.pruning import PRUNED
from orchestrator.engine.queue import Ready, RunningBatch
from orchestrator.engine.variant import ActiveVariant, Step, only_metrics, spread_json, variant_metrics
from orchestrator.search.metrics import own_metrics
from orchestrator.store.changes.iterations import EndedAttempt, NewIterations
from orchestrator.store.changes.rounds import PlannedIteration
from orchestrator.store.moves import IterationMove, VariantMove


@dataclass(slots=True)
class Ending:
    """What follows from a batch for its variants: some end, some have further stages to run."""

    moves: list[VariantMove] = field(default_factory=list)
    following: list[ActiveVariant] = field(default_factory=list)  # all it is about
    leaving: list[ActiveVariant] = field(
        default_factory=list
    )  # those with nothing left to do, or waiting for a contest
    queued: list[tuple[ActiveVariant, tuple[PlannedIteration, ...]]] = field(default_factory=list)
    dropped: list[IterationMove] = field(default_factory=list)  # what waited of pruned variants

    def next_stages(self) -> tuple[NewIterations, ...]:
        """The iterations of further stages, as they are committed."""
        return tuple(NewIterations(variant=variant.number, iterations=planned) for variant, planned in self.queued)


_ended, _gone, _moved = EndedAttempt._make, IterationMove._make, VariantMove._make  # in half the time of the usual way


def ended_attempt(batch: RunningBatch, item: Ready, outcome: Outcome, *, sent_us: int) -> EndedAttempt:
    """An attempt for the record, with how long it had waited, as far as that is known: until its batch was sent (`sent_us` by the clock
    on the wall), and from then on until it began itself.
    """
    waited = outcome.usage.queue_seconds
    if batch.started:
        behind_us = 0 if outcome.usage.started_us is None else outcome.usage.started_us - sent_us
        waited = max(0.0, batch.started - item.since) + max(0, behind_us) / 1e6
    return _ended((item.variant.number, item.iteration.number, item.iteration.attempt, waited, outcome))


def iteration_move(item: Ready) -> IterationMove:
    """The move of an iteration to where it stands now."""
    one = item.iteration
    return _gone((item.variant.number, one.number, one.state, one.attempt, one.charged, one.cause, one.deaths))


def drop_waiting(variant: ActiveVariant) -> list[IterationMove]:
    """Cancel what has not begun of a pruned variant."""
    dropped = []
    for one in variant.iterations.values():
        if one.state is IterationState.QUEUED:
            one.state, one.cause = IterationState.CANCELLED, PRUNED
            dropped.append(IterationMove(variant.number, one.number, one.state, one.attempt, one.charged, one.cause))
    return dropped


_RULES = {Step.PRUNED: "promote", Step.CANCELLED: "cancelled"}


def variant_move(variant: ActiveVariant, step: Step, plan: Plan) -> VariantMove:
    """The move that ends a variant, with what its succeeded iterations came to."""
    evaluated = step is Step.EVALUATED
    only = only_metrics(variant, plan) if evaluated else None
    if only is not None:  # as nearly always
        objective, passed = objective_value(only, plan), True if plan.spec.gate is None else None
        return _moved(
            (variant.number, VariantState.EVALUATED, None, only, None, objective, rank_of(objective, plan), passed)
        )
    aggregated = variant_metrics(variant, plan)
    metrics = aggregated.values
    objective = objective_value(metrics, plan)
    return VariantMove(
        number=variant.number,
        target=VariantState(step.value),
        rule=_RULES.get(step) if variant.pruned is None else variant.pruned.rule,
        metrics=metrics if metrics or evaluated else None,
        spread=spread_json(aggregated) if aggregated.spread else None,
        objective=objective if evaluated else None,
        rank=rank_of(objective, plan) if evaluated else None,
        passed=True if evaluated and plan.spec.gate is None else None,
    )


def rank_of(objective: float | None, plan: Plan) -> float:
    """The objective so that smaller is better; what has none comes last."""
    if objective is None:
        return sys.float_info.max
    declared = plan.spec.objective
    return -objective if declared is not None and declared.goal == "maximize" else float(objective)


def objective_value(metrics: Mapping[str, float], plan: Plan) -> float | None:
    """The objective among a variant's metrics; the only metric when none is declared."""
    declared = plan.spec.objective
    if declared is not None:
        return metrics.get(declared.metric)
    own = own_metrics(metrics)
    return metrics[own[0]] if len(own) == 1 else None
