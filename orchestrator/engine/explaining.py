"""Why something waits, in words, and what would change it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from orchestrator.domain.refs import Ref, parse_ref
from orchestrator.domain.states import ENDED_EXPERIMENT, ENDED_ITERATION, ExperimentState, IterationState, VariantState
from orchestrator.engine.admission import Wait
from orchestrator.engine.code import CODE_CHANGED
from orchestrator.engine.conductor import Conductor
from orchestrator.engine.dispatcher import Dispatcher
from orchestrator.engine.lock_reasons import lock_reason
from orchestrator.engine.reasons import Reason, kept_memory, machine_facts, memory_facts, reason_of
from orchestrator.store.views import Views


async def explain(ref: Ref, views: Views, dispatcher: Dispatcher, conductor: Conductor | None) -> list[Reason]:
    """The reasons why what `ref` names is not running, or a statement that it is, or that it has ended."""
    row = await views.experiment(ref.experiment)
    if ref.variant is not None and (pruned := await _pruned(ref, views)) is not None:
        return [pruned]
    if ExperimentState(row["state"]) in ENDED_EXPERIMENT:
        conductor = None
    if ref.variant is None:
        return [_ended(row)] if conductor is None else _experiment(row, dispatcher, conductor)
    state, iterations = await _part(ref, views)
    if conductor is None:
        return [replace(_ended(row), would_change=f"orc retry {ref}") if state in _MISSED else _ended(row)]
    waiting = [iteration for iteration in iterations if iteration["state"] == IterationState.QUEUED]
    if waiting:
        return _unique([reason for iteration in waiting for reason in _waiting(iteration, dispatcher, conductor)])
    return [_not_waiting(ref, iterations, conductor, state=state)]


_MISSED = frozenset({IterationState.FAILED, IterationState.CANCELLED, VariantState.FAILED, VariantState.CANCELLED})
"""What a part can be that a retry runs again."""


def _ended(row: dict[str, Any]) -> Reason:
    """That an experiment has ended, and what would run again."""
    again = row["iterations"]["failed"] or row["iterations"]["cancelled"]
    change = f"orc retry {row['ref']}" if again else "nothing: there is nothing to run again"
    return Reason("ended", f"experiment {row['ref']} has ended: {row['reason'] or row['state']}", change)


async def _pruned(ref: Ref, views: Views) -> Reason | None:
    """What a variant was pruned for; None when it was not."""
    variant = await views.variant(Ref(ref.experiment, ref.variant))
    if variant["state"] != VariantState.PRUNED:
        return None
    decisions = await views.decisions(Ref(ref.experiment, ref.variant))
    said = [decision["message"] for decision in decisions if decision["kind"] == "prune"]
    message = (
        said[-1] if said else f"{variant['ref']} was pruned by {variant['rule']}; orc why {variant['ref']} says why"
    )
    return Reason("pruned", message, f"orc retry {variant['ref']}")


async def _part(ref: Ref, views: Views) -> tuple[str, list[dict[str, Any]]]:
    """The state of a variant or an iteration, and its iterations."""
    if ref.iteration is not None:
        iteration = await views.iteration(ref)
        return iteration["state"], [iteration]
    variant = await views.variant(ref)
    return variant["state"], variant["iterations"]


def _experiment(row: dict[str, Any], dispatcher: Dispatcher, conductor: Conductor) -> list[Reason]:
    if row["state"] == ExperimentState.PAUSED:
        return [_paused(row, conductor)]
    found = [reason for stage in conductor.plan.stages for reason in _of_stage(stage, dispatcher, conductor)]
    seconds = dispatcher.later.left(conductor.evaluation.queue, lambda _: True)
    found += [] if seconds is None else [reason_of(Wait.BACKOFF, {"seconds": seconds})]
    running = row["iterations"]["running"]
    told = "1 evaluation runs" if running == 1 else f"{running or 'no'} evaluations run"
    message = f"it is {row['phase'] or row['state']} in round {row['round']}; {told}"
    return [*_unique(found), Reason("running", message, "nothing needs to")]


def _paused(row: dict[str, Any], conductor: Conductor) -> Reason:
    paused = reason_of(Wait.PAUSED, {"experiment": conductor.plan.experiment})
    if row["reason"]:
        paused = replace(paused, message=f"{paused.message}: {row['reason']}")
    if row["reason"] == CODE_CHANGED:
        paused = replace(paused, would_change=f"{paused.would_change} --accept-code, or the code that was submitted")
    return paused


def _waiting(iteration: dict[str, Any], dispatcher: Dispatcher, conductor: Conductor) -> list[Reason]:
    ref = parse_ref(iteration["ref"])
    queue, later = conductor.evaluation.queue, dispatcher.later
    seconds = later.left(queue, lambda item: item.iteration.number == ref.iteration, variant=ref.variant)
    if seconds is not None:
        return [reason_of(Wait.BACKOFF, {"seconds": seconds})]
    if conductor.state is ExperimentState.PAUSED:
        return [reason_of(Wait.PAUSED, {"experiment": conductor.plan.experiment})]
    stage = iteration["stage"]
    return _of_stage(stage, dispatcher, conductor) or [_reason(Wait.SLOTS, stage, dispatcher, conductor)]


def _of_stage(stage: str, dispatcher: Dispatcher, conductor: Conductor) -> list[Reason]:
    """Why what is ready of a stage waits: all that the machine lacks, or the one thing that admission has found.

    More declared memory than the machine has comes first: that never passes, whatever else does.
    """
    wait = dispatcher.why(conductor.plan.experiment, stage)
    closed = dispatcher.room.watch.pressure.closed
    waits: Iterable[Wait] = closed if wait in closed else () if wait is None else (wait,)
    declared = conductor.evaluation.queue.stages[stage].job.memory_bytes or 0
    if wait is not None and declared > dispatcher.room.watch.readings.memory_total_bytes:
        waits = dict.fromkeys((Wait.DECLARED_MEMORY, *waits))
    return [_reason(wait, stage, dispatcher, conductor) for wait in waits]


def _not_waiting(ref: Ref, iterations: list[dict[str, Any]], conductor: Conductor, *, state: str) -> Reason:
    running = [iteration["ref"] for iteration in iterations if iteration["state"] == IterationState.RUNNING]
    if running:
        return Reason("running", f"{', '.join(running[:5])} is running", "it ends")
    if state in _MISSED or (ref.iteration is not None and state in ENDED_ITERATION):
        cause = next((iteration["cause"] for iteration in iterations if iteration["cause"]), None)
        return Reason("ended", f"{ref} has ended: {cause or state}", f"orc retry {ref}")
    return Reason(
        "round",
        "what there was to run of it has ended; the rest of its round is awaited",
        f"orc watch {conductor.plan.experiment}",
    )


def _reason(wait: Wait, stage: str, dispatcher: Dispatcher, conductor: Conductor) -> Reason:
    queue, watch = conductor.evaluation.queue.stages[stage], dispatcher.room.watch
    if wait is Wait.LOCKS:
        return Reason(wait, *lock_reason(queue.locks, dispatcher.locks))
    facts = {
        "experiment": conductor.plan.experiment,
        "max_parallel": conductor.plan.spec.limits.max_parallel,
        "priority": conductor.plan.spec.share.priority,
        "slots": dispatcher.slots,
        "cpus": queue.cpus,
        "threads": dispatcher.threads,
        "executor": queue.executor.name,
        "width": queue.executor.abilities.width,
        "lane": queue.lane and queue.lane.name,
        "lane_workers": queue.lane and queue.lane.workers,
    }
    declared, free = queue.job.memory_bytes or 0, dispatcher.room.free_memory_bytes()
    if wait is Wait.DECLARED_MEMORY and free >= declared:
        return kept_memory(declared_bytes=declared, free_bytes=free)
    facts |= machine_facts(watch.pressure, watch.thresholds)
    facts |= memory_facts(watch.pressure, declared_bytes=declared, free_bytes=free)
    return reason_of(wait, facts)


def _unique(reasons: list[Reason]) -> list[Reason]:
    return list(dict.fromkeys(reasons))
