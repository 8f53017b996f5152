"""Why something waits, in words, and what would change it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.domain.refs import Ref
from orchestrator.domain.states import ENDED_EXPERIMENT, ENDED_ITERATION, ExperimentState, IterationState
from orchestrator.engine.admission import Wait
from orchestrator.engine.conductor import Conductor
from orchestrator.engine.dispatcher import Dispatcher
from orchestrator.engine.lock_reasons import lock_reason
from orchestrator.store.views import Views


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a stable word, a sentence, and what would change it."""

    reason: str
    message: str
    would_change: str


_WORDS: Mapping[Wait, tuple[str, str]] = {
    Wait.PAUSED: ("its experiment is paused", "orc resume {experiment}"),
    Wait.MAX_PARALLEL: (
        "its experiment runs as many evaluations at once as limits.max_parallel ({max_parallel}) allows",
        "one of them ends, or a larger limits.max_parallel",
    ),
    Wait.PRIORITY: (
        "experiments of a higher priority than its own ({priority}) also wait and are served first",
        "they have nothing ready any more, or a higher share.priority",
    ),
    Wait.SLOTS: (
        "all {slots} slots are busy; it takes its turn",
        "a running evaluation ends, or more slots in the settings",
    ),
    Wait.THREADS: (
        "all threads are busy; it takes its turn",
        "a running evaluation ends, or more threads in the settings",
    ),
    Wait.CPUS: (
        "it takes several slots at once (cpus), and not so many are free; those that are wait for it",
        "running evaluations end, or a smaller cpus of its stage",
    ),
    Wait.WIDTH: (
        "its executor runs one evaluation of an experiment at a time",
        "the running one ends, or another executor",
    ),
    Wait.BACKOFF: ("its next attempt waits for the back-off of retries", "the time passes"),
    Wait.DRAINING: ("the daemon is stopping and starts nothing more", "the daemon is started again"),
    Wait.STORE: ("the database takes nothing at the moment", "there is room on the disk again"),
}


async def explain(ref: Ref, views: Views, dispatcher: Dispatcher, conductor: Conductor | None) -> list[Reason]:
    """The reasons why what `ref` names is not running, or a statement that it is, or that it has ended."""
    row = await views.experiment(ref.experiment)
    if ExperimentState(row["state"]) in ENDED_EXPERIMENT or conductor is None:
        return [Reason("ended", f"experiment {ref.experiment} has ended: {row['reason'] or row['state']}", "orc retry")]
    if ref.variant is None:
        return _experiment(row, dispatcher, conductor)
    iterations = await _iterations(ref, views)
    waiting = [iteration for iteration in iterations if iteration["state"] == IterationState.QUEUED]
    if waiting:
        return _unique([_waiting(iteration, dispatcher, conductor) for iteration in waiting])
    return [_not_waiting(ref, iterations, conductor)]


async def _iterations(ref: Ref, views: Views) -> list[dict[str, Any]]:
    if ref.iteration is not None:
        return [await views.iteration(ref)]
    found: list[dict[str, Any]] = (await views.variant(ref))["iterations"]
    return found


def _experiment(row: dict[str, Any], dispatcher: Dispatcher, conductor: Conductor) -> list[Reason]:
    if row["state"] == ExperimentState.PAUSED:
        paused = _reason(Wait.PAUSED, dispatcher, conductor)
        return [replace(paused, message=f"{paused.message}: {row['reason']}") if row["reason"] else paused]
    waits = {name: dispatcher.why(conductor.plan.experiment, name) for name in conductor.plan.stages}
    found = [_reason(wait, dispatcher, conductor, stage=name) for name, wait in waits.items() if wait is not None]
    if conductor.evaluation.queue.delayed:
        found.append(_reason(Wait.BACKOFF, dispatcher, conductor))
    running = row["iterations"]["running"]
    message = f"it is {row['phase'] or row['state']} in round {row['round']}; {running} evaluations run"
    return [*_unique(found), Reason("running", message, "nothing needs to")]


def _waiting(iteration: dict[str, Any], dispatcher: Dispatcher, conductor: Conductor) -> Reason:
    if iteration["cause"] is not None and conductor.evaluation.queue.delayed:
        return _reason(Wait.BACKOFF, dispatcher, conductor)
    if conductor.state is ExperimentState.PAUSED:
        return _reason(Wait.PAUSED, dispatcher, conductor)
    wait = dispatcher.why(conductor.plan.experiment, iteration["stage"])
    return _reason(wait or Wait.SLOTS, dispatcher, conductor, stage=iteration["stage"])


def _not_waiting(ref: Ref, iterations: list[dict[str, Any]], conductor: Conductor) -> Reason:
    running = [iteration["ref"] for iteration in iterations if iteration["state"] == IterationState.RUNNING]
    if running:
        return Reason("running", f"{', '.join(running[:5])} is running", "it ends")
    if ref.iteration is not None and iterations[0]["state"] in ENDED_ITERATION:
        state = iterations[0]["state"]
        return Reason("ended", f"{ref} has ended: {iterations[0]['cause'] or state}", f"orc retry {ref}")
    return Reason(
        "round",
        "what there was to run of it has ended; the rest of its round is awaited",
        f"orc watch {conductor.plan.experiment}",
    )


def _reason(wait: Wait, dispatcher: Dispatcher, conductor: Conductor, *, stage: str = "") -> Reason:
    if wait is Wait.LOCKS:
        return Reason(wait, *lock_reason(conductor.plan.stages[stage].locks, dispatcher.locks))
    facts = {
        "experiment": conductor.plan.experiment,
        "max_parallel": conductor.plan.spec.limits.max_parallel,
        "slots": dispatcher.slots,
        "priority": conductor.plan.spec.share.priority,
    }
    message, change = _WORDS[wait]
    return Reason(wait, message.format(**facts), change.format(**facts))


def _unique(reasons: list[Reason]) -> list[Reason]:
    return list(dict.fromkeys(reasons))
