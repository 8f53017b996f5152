"""What an attempt's end means for its iteration: recorded, tried again, or given back. Plain functions."""

import zlib
from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.domain.outcome import AttemptEnd, Outcome
from orchestrator.domain.states import Cause, IterationState
from orchestrator.engine.plan import Plan
from orchestrator.engine.variant import ActiveIteration
from orchestrator.search.metrics import own_metrics
from orchestrator.spec.stage import Retries

UNCHARGED = frozenset({Cause.MACHINE_LOST})
"""Causes that are always run again and never counted."""

DEATHS = frozenset({Cause.SIGNALLED, Cause.WORKER_LOST, Cause.OUT_OF_MEMORY})
"""Causes that take a process with them."""

MOST_DEATHS = 3
"""After so many of them an evaluation is poison: it is not tried again, whatever its retries say."""

BACKOFF_CAP_SECONDS = 300.0
"""What the wait before a retry grows to, when it does not begin higher."""
_JITTER = 0.25


class Settled(NamedTuple):
    """Where an iteration goes after an attempt; `wait_seconds` before it may start again."""

    state: IterationState
    attempt: int
    charged: int
    cause: Cause | None = None
    wait_seconds: float = 0.0
    deaths: int = 0  # so far, this one included
    poisoned: bool = False  # it would have been tried again but for its deaths


def settle(iteration: ActiveIteration, outcome: Outcome, retries: Retries, *, doubted: bool = False) -> Settled:
    """What the end of its running attempt means for an iteration. `doubted`: a failure may be the fault of where it ran."""
    if outcome.end is AttemptEnd.SUCCEEDED:
        return Settled(IterationState.SUCCEEDED, iteration.attempt, iteration.charged, deaths=iteration.deaths)
    if outcome.end is AttemptEnd.CANCELLED:
        return Settled(IterationState.CANCELLED, iteration.attempt, iteration.charged, deaths=iteration.deaths)
    if outcome.end is AttemptEnd.INTERRUPTED:
        return Settled(IterationState.QUEUED, iteration.attempt, iteration.charged, deaths=iteration.deaths)
    if outcome.cause in UNCHARGED or outcome.evicted or doubted:
        back = Settled(IterationState.QUEUED, iteration.attempt, iteration.charged, outcome.cause)
        return back._replace(deaths=iteration.deaths)
    return _charged(iteration, outcome, retries)


def _charged(iteration: ActiveIteration, outcome: Outcome, retries: Retries) -> Settled:
    cause, charged = outcome.cause, iteration.charged + 1
    deaths = iteration.deaths + (cause in DEATHS)
    settled = Settled(IterationState.FAILED, iteration.attempt, charged, cause, deaths=deaths)
    if outcome.import_failed or cause not in retries.on or charged > retries.max:
        return settled
    if deaths >= MOST_DEATHS:
        return settled._replace(poisoned=True)
    wait = backoff_seconds(retries, charged=charged, seed=iteration.seed)
    return settled._replace(state=IterationState.QUEUED, wait_seconds=wait)


def with_verdict(outcome: Outcome, settled: Settled) -> Outcome:
    """The outcome of an attempt that was the last one for its deaths says so."""
    if not settled.poisoned:
        return outcome
    said = f"its process has died {settled.deaths} times: it is not tried again, whatever its retries say"
    error = outcome.error or "no message"
    joint = "\n" if "\n" in error else "; "
    return outcome._replace(error=f"{error}{joint}{said}")


def backoff_seconds(retries: Retries, *, charged: int, seed: int) -> float:
    """How long to wait after so many failures: twice as long after each, up to five minutes, or as long as the first wait.

    What failed together does not come back together: up to a quarter is taken off, by the iteration's seed, so that it is the same
    in every run.
    """
    first = retries.backoff_seconds
    wait = min(first * 2.0 ** min(charged - 1, 64), max(first, BACKOFF_CAP_SECONDS))
    chance = zlib.crc32(f"{seed}.{charged}".encode()) / 2**32
    return wait * (1 - _JITTER * chance)


def backoff_left(retries: Retries, iteration: ActiveIteration, *, now_us: int) -> float:
    """How long an iteration as it was loaded still has to wait before its next attempt.

    A clock that was set back makes that no longer than the whole wait, one that was set forward shorter.
    """
    if iteration.failed_us is None:
        return 0.0
    whole = backoff_seconds(retries, charged=iteration.charged, seed=iteration.seed)
    return min(whole, max(0.0, whole - (now_us - iteration.failed_us) / 1e6))


def evicted(why: str) -> Outcome:
    """The end of an attempt that was stopped so that others have memory."""
    return Outcome(end=AttemptEnd.FAILED, cause=Cause.OUT_OF_MEMORY, error=why, evicted=True)


def given_back(iteration: ActiveIteration) -> Settled:
    """It was marked running but never begun, or stopped through no fault of its own: queued with the same attempt."""
    back = Settled(IterationState.QUEUED, iteration.attempt - 1, iteration.charged)
    return back._replace(deaths=iteration.deaths)


def with_objective(outcome: Outcome, plan: Plan, stage: str) -> Outcome:
    """A success without the objective, in a stage nothing comes after, is an invalid result."""
    metrics: Mapping[str, float] = outcome.metrics or {}
    objective = plan.spec.objective
    if objective is not None and objective.metric in metrics:  # as nearly always
        return outcome
    if outcome.end is not AttemptEnd.SUCCEEDED or stage not in plan.graph.leaves:
        return outcome
    if objective is None:
        own = own_metrics(metrics)
        if len(own) <= 1:
            return outcome
        error = (
            f"it reports {len(own)} metrics ({', '.join(sorted(own))}) and the file does not say which is the objective"
        )
        return _invalid(outcome, f'{error}: add objective = {{ metric = "…", goal = "minimize" }}')
    if objective.metric in plan.measures.measured:
        return outcome
    reported = ", ".join(sorted(metrics)) or "no metric"
    return _invalid(outcome, f"the objective {objective.metric!r} is missing: it reports {reported}")


def _invalid(outcome: Outcome, error: str) -> Outcome:
    return outcome._replace(end=AttemptEnd.FAILED, cause=Cause.INVALID_RESULT, error=error, metrics=None)
