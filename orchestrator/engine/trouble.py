"""When an experiment must not go on: its code cannot be imported, a failure is not to be borne, the breaker trips. Plain functions."""

from collections import Counter
from dataclasses import dataclass, field

from orchestrator.domain.outcome import Outcome, short_error
from orchestrator.engine.plan import Plan
from orchestrator.search.decide import breaker_tripped, failures_left
from orchestrator.spec.experiment import MaxFailures
from orchestrator.store.changes.sweeps import Cancelled, Retried


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why an experiment fails as a whole."""

    rule: str
    reason: str


def internal_error(error: Exception) -> str:
    """What a person is told of a defect."""
    return f"internal error: {error!r}; the daemon's log has the details"


@dataclass(slots=True)
class Tally:
    """What has ended so far in the whole experiment, and by case."""

    failed: int = 0
    finished: int = 0
    cases: Counter[str | None] = field(default_factory=Counter)

    def add(self, cancelled: Cancelled) -> None:
        """What was cancelled while it waited has ended."""
        self.finished += cancelled.iterations
        self.cases.update({case: count for case, count in cancelled.cases.items() if case is not None})

    def take_back(self, retried: Retried) -> None:
        """What is run again has not ended any more."""
        self.failed -= retried.failed
        self.finished -= retried.iterations
        self.cases.subtract({case: count for case, count in retried.cases.items() if case is not None})


def trouble_of(plan: Plan, ref: str, outcome: Outcome, tally: Tally) -> Trouble | None:
    """Whether the last attempt of an iteration that has failed for good is the end of its experiment."""
    if outcome.import_failed:
        return Trouble(rule="import", reason=f"the code cannot be imported: {said_of(outcome)}")
    if plan.spec.on_error == "fail":
        return Trouble(rule="on_error", reason=f'{ref} failed ({outcome.cause}) and on_error is "fail"')
    allowed = plan.spec.limits.max_failures
    if allowed is not None and breaker_tripped(allowed, failed=tally.failed, finished=tally.finished):
        return Trouble(rule="max_failures", reason=_tripped(allowed, tally, ref))
    return None


def failures_until_trouble(plan: Plan, tally: Tally) -> int | None:
    """How many more failures trip the breaker, once something has failed; None: as many as there are."""
    allowed = plan.spec.limits.max_failures
    return None if not tally.failed else failures_left(allowed, failed=tally.failed, finished=tally.finished)


def _tripped(allowed: MaxFailures, tally: Tally, ref: str) -> str:
    share = f"{100 * tally.failed / max(1, tally.finished):.3g} %"
    bounds = [] if allowed.count is None else [f"{allowed.count} failures"]
    bounds += [] if allowed.ratio is None else [f"{100 * allowed.ratio:.3g} %"]
    failed = f"{tally.failed} of {tally.finished} evaluations failed ({share})"
    return f"{failed}; limits.max_failures stops it above {' and '.join(bounds)}; the last was {ref}"


def said_of(outcome: Outcome) -> str:
    """What a failed attempt comes down to, in a line."""
    return short_error(outcome.error, outcome.cause) or "no message"
