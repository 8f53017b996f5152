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


def settle(iteration: ActiveIteration, outcome: Outcome, retries: Retries) -> Settled:
    """What the end of its running attempt means for an iteration."""
    if outcome.end is AttemptEnd.SUCCEEDED:
        return Settled(IterationState.SUCCEEDED, iteration.attempt, iteration.charged)
    if outcome.end is AttemptEnd.CANCELLED:
        return Settled(IterationState.CANCELLED, iteration.attempt, iteration.charged)
    if outcome.end is AttemptEnd.INTERRUPTED:
        return Settled(IterationState.QUEUED, iteration.attempt, iteration.charged)
    cause = outcome.cause
    if cause in UNCHARGED:
        return Settled(IterationState.QUEUED, iteration.attempt, iteration.charged, cause)
    charged = iteration.charged + 1
    if not outcome.import_failed and cause in retries.on and charged <= retries.max:
        wait = backoff_seconds(retries, charged=charged, seed=iteration.seed)
        return Settled(IterationState.QUEUED, iteration.attempt, charged, cause, wait)
    return Settled(IterationState.FAILED, iteration.attempt, charged, cause)


def backoff_seconds(retries: Retries, *, charged: int, seed: int) -> float:
    """How long to wait after so many failures: twice as long after each, up to five minutes, or as long as the first wait.

    What failed together does not come back together: up to a quarter is taken off, by the iteration's seed, so that it is the same
    in every run.
    """
    first = retries.backoff_seconds
    wait = min(first * 2.0 ** min(charged - 1, 64), max(first, BACKOFF_CAP_SECONDS))
    chance = zlib.crc32(f"{seed}.{charged}".encode()) / 2**32
    return wait * (1 - _JITTER * chance)


def given_back(iteration: ActiveIteration) -> Settled:
    """It was marked running but never begun, or stopped through no fault of its own: queued with the same attempt."""
    return Settled(IterationState.QUEUED, iteration.attempt - 1, iteration.charged)


def with_objective(outcome: Outcome, plan: Plan, stage: str) -> Outcome:
    """A success without the objective, in a stage nothing comes after, is an invalid result."""
    if outcome.end is not AttemptEnd.SUCCEEDED or stage not in plan.leaves:
        return outcome
    metrics: Mapping[str, float] = outcome.metrics or {}
    objective = plan.spec.objective
    if objective is None:
        own = own_metrics(metrics)
        if len(own) <= 1:
            return outcome
        error = (
            f"it reports {len(own)} metrics ({', '.join(sorted(own))}) and the file does not say which is the objective"
        )
        return _invalid(outcome, f'{error}: add objective = {{ metric = "…", goal = "minimize" }}')
    if objective.metric in metrics or objective.metric in plan.measures.measured:
        return outcome
    reported = ", ".join(sorted(metrics)) or "no metric"
    return _invalid(outcome, f"the objective {objective.metric!r} is missing: it reports {reported}")


def _invalid(outcome: Outcome, error: str) -> Outcome:
    return outcome._replace(end=AttemptEnd.FAILED, cause=Cause.INVALID_RESULT, error=error, metrics=None)
