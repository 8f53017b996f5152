"""Open variants as the store has them, page by page."""

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from orchestrator.domain.outcome import MEASURED
from orchestrator.domain.states import ENDED_ITERATION, IterationState
from orchestrator.engine.plan import Plan
from orchestrator.engine.pruning import PRUNED, Pruning
from orchestrator.engine.queue import WorkQueue
from orchestrator.engine.typical import NEWEST
from orchestrator.engine.variant import ActiveIteration, ActiveVariant
from orchestrator.store.views import Views

Measured = Mapping[tuple[int, int], Mapping[str, float]]


async def load_page(
    views: Views, plan: Plan, *, after: int, limit: int, before: int | None = None
) -> list[ActiveVariant]:
    """The next `limit` variants that have not ended, after a number (and before another), with all their iterations."""
    place = {"experiment": plan.experiment, "after": after, "before": before or sys.maxsize, "limit": limit}
    rows: list[list[Any]] = await views.read("open_variants", place)
    measured = await _measured(views, plan, [row[0] for row in rows])
    variants = [_variant(row, measured) for row in rows]
    for variant in variants:
        for one in variant.iterations.values():
            if one.cause == PRUNED and variant.pruned is None:
                variant.pruned = await _pruning(variant, one, plan, views)
    return variants


async def _pruning(variant: ActiveVariant, cut: ActiveIteration, plan: Plan, views: Views) -> Pruning | None:
    """By which rule a variant was pruned of which something still ran when the daemon went down."""
    ref = f"{plan.experiment}.{variant.number}.{cut.number}"
    rule = await views.read("prune_rule", {"experiment": plan.experiment, "iteration": ref})
    return None if rule is None else Pruning(cut.number, rule, f"pruned by {rule}")


async def load_variants(views: Views, plan: Plan, numbers: Collection[int]) -> list[ActiveVariant]:
    """Those of some variants that have not ended, with all their iterations; fast when the numbers lie close together."""
    found: list[ActiveVariant] = []
    missing = sorted(numbers)
    while missing:
        page = await load_page(views, plan, after=missing[0] - 1, limit=len(missing))
        found += [variant for variant in page if variant.number in numbers]
        last = page[-1].number if page else missing[-1]
        missing = [number for number in missing if number > last]
    return found


async def recall_times(views: Views, queue: WorkQueue) -> None:
    """What was measured before this daemon started, for stages whose timeout follows it."""
    for name, stage in queue.stages.items():
        if stage.typical is not None:
            values = {"experiment": queue.experiment, "stage": name, "limit": NEWEST}
            stage.typical.learn(reversed(await views.read("newest_walls", values)))


async def _measured(views: Views, plan: Plan, numbers: Sequence[int]) -> Measured:
    """The measured numbers that are in use, of iterations that have succeeded."""
    wanted = plan.measures.measured
    if not wanted:
        return {}
    rows = await views.read("measured_of_variants", {"experiment": plan.experiment}, rows=numbers)
    return {
        (variant, number): {
            name: value for name, value in zip(MEASURED, values, strict=True) if name in wanted and value is not None
        }
        for variant, number, *values in rows
    }


def _variant(row: Sequence[Any], measured: Measured) -> ActiveVariant:
    number, name, parameters, iterations = row
    variant = ActiveVariant(number, name, parameters)
    for place, stage, case, repeat, seed, *begun in iterations:
        iteration = ActiveIteration(place, stage, case, repeat, seed, IterationState.QUEUED)
        if begun:
            state, *known, iteration.deaths, metrics, iteration.failed_us = begun
            iteration.state = _STATES[state]
            iteration.attempt, iteration.charged, iteration.cause = known
            if metrics is not None:
                iteration.metrics = {**measured.get((number, place), {}), **json.loads(metrics)}
        variant.iterations[place] = iteration
    return variant


_STATES = {state.value: state for state in IterationState}
_QUEUED = IterationState.QUEUED


def merge(variant: ActiveVariant, stored: ActiveVariant) -> list[ActiveIteration]:
    """What is queued of a variant. Of one that was known before the store can only say what a retry has queued anew."""
    if variant is stored:
        return [iteration for iteration in stored.iterations.values() if iteration.state is _QUEUED]
    queued = []
    for number, iteration in stored.iterations.items():
        known = variant.iterations.get(number)
        if known is not None and not _queued_anew(known, iteration):
            continue
        variant.iterations[number] = iteration
        if iteration.state is _QUEUED:
            queued.append(iteration)
    variant.outdated = False
    return queued


def _queued_anew(known: ActiveIteration, stored: ActiveIteration) -> bool:
    """Whether the store has been asked to run again what has ended here (and was not merely read before that was on record)."""
    anew = stored.state is IterationState.QUEUED and stored.attempt >= known.attempt
    return anew and known.state in ENDED_ITERATION
