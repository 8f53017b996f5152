"""Claims about what an attempt's end means for its iteration."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.outcome import AttemptEnd, Outcome, Usage
from orchestrator.domain.states import Cause, IterationState
from orchestrator.engine.settling import (
    BACKOFF_CAP_SECONDS,
    Settled,
    backoff_left,
    backoff_seconds,
    evicted,
    given_back,
    settle,
    with_objective,
    with_verdict,
)
from orchestrator.engine.trouble import Tally, Trouble, failures_until_trouble, trouble_of
from orchestrator.engine.variant import ActiveIteration
from orchestrator.spec.stage import Retries
from tests.support.plans import plan, stage

QUEUED, FAILED = IterationState.QUEUED, IterationState.FAILED
CHARGED = [cause for cause in Cause if cause is not Cause.MACHINE_LOST]


def iteration(*, attempt: int = 3, charged: int = 1, deaths: int = 0) -> ActiveIteration:
    """One that runs its third attempt and was charged for one."""
    return ActiveIteration(1, "main", None, 1, 7, IterationState.RUNNING, attempt, charged, deaths=deaths)


def deaths_by(cause: Cause) -> int:
    """How many deaths one failure of this cause is."""
    return int(cause in {Cause.SIGNALLED, Cause.WORKER_LOST, Cause.OUT_OF_MEMORY})


def failure(cause: Cause, **more: Any) -> Outcome:
    """A failed attempt."""
    return Outcome(end=AttemptEnd.FAILED, cause=cause, error="it broke", **more)


def test_who_gives_way_to_others_is_charged_nothing() -> None:
    """Stopped for want of memory an evaluation is queued again, with no retry used and no death counted, whatever its retries say."""
    settled = settle(iteration(deaths=2), evicted("memory ran out"), Retries(max=0))

    assert settled == Settled(QUEUED, 3, 1, Cause.OUT_OF_MEMORY, deaths=2)


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (AttemptEnd.SUCCEEDED, IterationState.SUCCEEDED),
        (AttemptEnd.CANCELLED, IterationState.CANCELLED),
        (AttemptEnd.INTERRUPTED, IterationState.QUEUED),
    ],
)
def test_what_did_not_fail_is_not_charged(end: AttemptEnd, state: IterationState) -> None:
    """A success, a cancelling and an interruption move the iteration, keep its attempt, and charge nothing."""
    assert settle(iteration(), Outcome(end=end), Retries(max=9)) == Settled(state, 3, 1)


@pytest.mark.parametrize("cause", CHARGED)
def test_a_failure_is_charged_and_final_without_retries(cause: Cause) -> None:
    """Any cause but the loss of the machine ends an iteration that has no retry left, and counts."""
    assert settle(iteration(), failure(cause), Retries(max=1)) == Settled(FAILED, 3, 2, cause, deaths=deaths_by(cause))


@pytest.mark.parametrize("cause", CHARGED)
def test_a_failure_with_a_retry_left_is_tried_again_after_the_back_off(cause: Cause) -> None:
    """With two retries allowed and one charged, the iteration is queued with its charge, its cause and the wait."""
    retries = Retries(max=2, backoff_seconds=1.5)
    wait = backoff_seconds(retries, charged=2, seed=7)

    assert settle(iteration(), failure(cause), retries) == Settled(QUEUED, 3, 2, cause, wait, deaths_by(cause))


@pytest.mark.parametrize("cause", CHARGED)
def test_what_has_died_three_times_is_not_tried_again(cause: Cause) -> None:
    """The third death is the last, whatever the retries say, and its error says so; other failures are no deaths."""
    settled = settle(iteration(deaths=2), failure(cause), Retries(max=9))
    died = bool(deaths_by(cause))
    told = with_verdict(failure(cause), settled).error

    assert (settled.state is FAILED, settled.poisoned, settled.deaths) == (died, died, 2 + died)
    assert told == (
        "it broke; its process has died 3 times: it is not tried again, whatever its retries say"
        if died
        else "it broke"
    )


def test_a_last_failure_is_no_poison_by_itself() -> None:
    """Without retries left it fails for that: nothing is said of deaths."""
    assert not settle(iteration(deaths=2), failure(Cause.SIGNALLED), Retries(max=1)).poisoned


def test_a_long_error_keeps_its_lines_before_the_verdict() -> None:
    """What a command has printed stands above, the verdict on a line of its own."""
    settled = settle(iteration(deaths=2), failure(Cause.SIGNALLED), Retries(max=9))
    outcome = failure(Cause.SIGNALLED)._replace(error="killed by SIGKILL\nlast words")
    lines = (with_verdict(outcome, settled).error or "").splitlines()

    assert lines[:2] == ["killed by SIGKILL", "last words"]
    assert lines[2].startswith("its process has died 3 times")


@pytest.mark.parametrize("end", [AttemptEnd.CANCELLED, AttemptEnd.INTERRUPTED, AttemptEnd.SUCCEEDED])
def test_deaths_are_not_forgotten(end: AttemptEnd) -> None:
    """What did not fail, was given back, or was lost with the machine keeps its deaths."""
    assert settle(iteration(deaths=2), Outcome(end=end), Retries(max=9)).deaths == 2
    assert settle(iteration(deaths=2), failure(Cause.MACHINE_LOST), Retries(max=9)).deaths == 2
    assert given_back(iteration(deaths=2)).deaths == 2


@given(st.floats(0, 1e6), st.integers(1, 10**6), st.integers(0, 2**32 - 1))
def test_the_back_off_doubles_up_to_its_cap_and_is_at_most_a_quarter_shorter(
    first: float, charged: int, seed: int
) -> None:
    """Between three quarters of it and all of it: the first wait, doubled after each failure, five minutes or the first wait at most."""
    full = min(first * 2.0 ** min(charged - 1, 64), max(first, BACKOFF_CAP_SECONDS))
    wait = backoff_seconds(Retries(max=1, backoff_seconds=first), charged=charged, seed=seed)

    assert 0.75 * full <= wait <= full


def test_the_back_off_is_the_same_in_every_run_and_differs_between_iterations() -> None:
    """A hundred iterations that fail together come back at a hundred times; each at the same in another run."""
    retries = Retries(max=9, backoff_seconds=10.0)
    waits = [backoff_seconds(retries, charged=1, seed=seed) for seed in range(100)]

    assert len(set(waits)) == 100
    assert waits == [backoff_seconds(retries, charged=1, seed=seed) for seed in range(100)]
    assert (min(waits) < 8.0, max(waits) > 9.5) == (True, True)


def test_only_the_named_causes_are_tried_again() -> None:
    """A cause that `on` does not name is final however many retries are left."""
    retries = Retries(max=9, on=(Cause.SIGNALLED, Cause.WORKER_LOST))

    assert settle(iteration(), failure(Cause.RAISED), retries) == Settled(FAILED, 3, 2, Cause.RAISED)
    assert settle(iteration(), failure(Cause.SIGNALLED), retries) == Settled(QUEUED, 3, 2, Cause.SIGNALLED, deaths=1)


@pytest.mark.parametrize(
    ("passed_seconds", "left"),
    [(0, 1.0), (0.25, 0.75), (1, 0.0), (2, 0.0), (1e9, 0.0), (-0.5, 1.0), (-1e9, 1.0)],
    ids=["just now", "a quarter", "all", "twice", "clock set forward", "clock set back", "far back"],
)
def test_after_a_restart_what_is_left_of_the_back_off_is_waited(passed_seconds: float, left: float) -> None:
    """Of a wait of 8 s or less the part that has passed is not waited again, and no clock makes it longer than the whole."""
    retries = Retries(max=3, backoff_seconds=8.0)
    whole = backoff_seconds(retries, charged=1, seed=7)
    waiting = iteration()
    waiting.failed_us = 10**15
    now = 10**15 + round(passed_seconds * whole * 1e6)

    assert backoff_left(retries, waiting, now_us=now) == pytest.approx(left * whole, abs=1e-5)


def test_what_has_not_failed_waits_for_nothing() -> None:
    """An iteration that was loaded without a failure before it is ready at once."""
    assert backoff_left(Retries(max=3, backoff_seconds=8.0), iteration(), now_us=10**15) == 0.0


@pytest.mark.parametrize("retries", [Retries(max=0), Retries(max=3, backoff_seconds=9.0, on=(Cause.RAISED,))])
def test_a_lost_machine_is_never_charged(retries: Retries) -> None:
    """What went down with the machine is queued at once and for nothing, whatever the retries say."""
    assert settle(iteration(), failure(Cause.MACHINE_LOST), retries) == Settled(QUEUED, 3, 1, Cause.MACHINE_LOST)


def test_a_failed_import_is_not_tried_again() -> None:
    """Code that cannot be imported will not be importable the next time."""
    outcome = failure(Cause.RAISED, import_failed=True)

    assert settle(iteration(), outcome, Retries(max=9)) == Settled(FAILED, 3, 2, Cause.RAISED)


def test_what_was_never_begun_keeps_its_attempt_for_later() -> None:
    """An iteration that is given back is queued as if that attempt had not been."""
    assert given_back(iteration()) == Settled(QUEUED, 2, 1)


def success(**metrics: float) -> Outcome:
    """A success with these metrics."""
    return Outcome(end=AttemptEnd.SUCCEEDED, metrics=metrics, usage=Usage(wall_seconds=1.0))


TWO_STAGES = (stage("first"), stage("last", after=["first"]))
OBJECTIVE = {"metric": "value", "goal": "minimize"}


def test_the_objective_is_needed_in_the_last_stage_only() -> None:
    """A success without the objective is one in an earlier stage, and an invalid result in a stage nothing comes after."""
    planned = plan(*TWO_STAGES, objective=OBJECTIVE)
    outcome = success(other=1.0)
    judged = with_objective(outcome, planned, "last")

    assert with_objective(outcome, planned, "first") is outcome
    assert (judged.end, judged.cause, judged.metrics) == (AttemptEnd.FAILED, Cause.INVALID_RESULT, None)
    assert judged.error == "the objective 'value' is missing: it reports other"
    assert judged.usage == outcome.usage


def test_a_success_with_the_objective_is_kept_as_it_is() -> None:
    """The objective among the metrics, or measured by ourselves, makes it valid."""
    outcome = success(value=1.0)

    assert with_objective(outcome, plan(objective=OBJECTIVE), "main") is outcome
    assert with_objective(outcome, plan(objective={"metric": "wall_seconds"}), "main") is outcome


def test_without_a_declared_objective_one_metric_is_enough_and_two_are_not() -> None:
    """One metric is the objective and none is a plain success; of two the file must say which."""
    judged = with_objective(success(b=1.0, a=2.0), plan(), "main")

    assert with_objective(success(), plan(), "main").end is AttemptEnd.SUCCEEDED
    assert with_objective(success(a=1.0, wall_seconds=2.0), plan(), "main").end is AttemptEnd.SUCCEEDED
    assert judged.cause is Cause.INVALID_RESULT
    assert "2 metrics (a, b)" in (judged.error or "")
    assert 'objective = { metric = "…"' in (judged.error or "")


def test_a_failure_stays_the_failure_it_was() -> None:
    """What failed is not judged by its metrics."""
    outcome = failure(Cause.TIMED_OUT)

    assert with_objective(outcome, plan(objective=OBJECTIVE), "main") is outcome


def trouble(outcome: Outcome, *, failed: int = 1, finished: int = 10, **more: Any) -> Trouble | None:
    """What the final failure of 12.3.1 means for its experiment."""
    return trouble_of(plan(**more), "12.3.1", outcome, Tally(failed=failed, finished=finished))


def test_a_failure_by_itself_is_no_trouble() -> None:
    """By default an experiment goes on, however many of its evaluations fail."""
    assert trouble(failure(Cause.RAISED), failed=10, finished=10) is None


def test_a_failed_import_is_the_end_with_its_error() -> None:
    """The reason of the experiment's end holds what the import said."""
    assert trouble(failure(Cause.RAISED, import_failed=True)) == Trouble(
        rule="import", reason="the code cannot be imported: it broke"
    )


def test_on_error_fail_names_the_first_failure() -> None:
    """With `on_error = "fail"` the first final failure is the end, and the reason names it with its cause."""
    assert trouble(failure(Cause.TIMED_OUT), on_error="fail") == Trouble(
        rule="on_error", reason='12.3.1 failed (timed_out) and on_error is "fail"'
    )


@pytest.mark.parametrize(("failed", "finished", "trips"), [(3, 4, False), (4, 4, True), (4, 8, False), (5, 9, True)])
def test_the_breaker_trips_when_both_bounds_are_exceeded(failed: int, finished: int, trips: bool) -> None:
    """More than three failures and more than half of what finished are the end; one of the two is not."""
    limits = {"max_failures": {"count": 3, "ratio": 0.5}}
    found = trouble(failure(Cause.RAISED), failed=failed, finished=finished, limits=limits)

    assert (found is not None) is trips
    assert found is None or (found.rule == "max_failures" and f"{failed} of {finished}" in found.reason)


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        ({"count": 3}, "stops it above 3 failures; the last was 12.3.1"),
        ({"ratio": 0.125}, "stops it above 12.5 %; the last was 12.3.1"),
        ({"count": 3, "ratio": 0.5}, "stops it above 3 failures and 50 %; the last was 12.3.1"),
    ],
)
def test_the_breaker_says_the_numbers(allowed: dict[str, Any], words: str) -> None:
    """What failed of how many, the share, and what the file bears."""
    found = trouble(failure(Cause.RAISED), failed=5, finished=9, limits={"max_failures": allowed})

    assert found is not None
    assert found.reason.startswith("5 of 9 evaluations failed (55.6 %); limits.max_failures ")
    assert found.reason.endswith(words)


def test_batches_are_bounded_by_the_breaker_only_once_something_has_failed() -> None:
    """Without a breaker, and before the first failure, nothing bounds them; then what is left until it trips."""
    limited = plan(limits={"max_failures": {"count": 9}})
    found = [
        failures_until_trouble(plan(), Tally(failed=3, finished=9)),
        failures_until_trouble(limited, Tally(failed=0, finished=9)),
        failures_until_trouble(limited, Tally(failed=3, finished=9)),
    ]

    assert found == [None, None, 7]
