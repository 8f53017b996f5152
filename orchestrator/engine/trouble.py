"""When an experiment must not go on: its code cannot be imported, a failure is not to be borne, the breaker trips. Plain functions."""

from collections import Counter
from dataclasses import dataclass, field

from orchestrator.domain.outcome import Outcome
from orchestrator.engine.plan import Plan
from orchestrator.search.decide import breaker_tripped


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


def trouble_of(plan: Plan, ref: str, outcome: Outcome, tally: Tally) -> Trouble | None:
    """Whether the last attempt of an iteration that has failed for good is the end of its experiment."""
    if outcome.import_failed:
        return Trouble(rule="import", reason=f"the code cannot be imported: {last_line(outcome.error)}")
    if plan.spec.on_error == "fail":
        return Trouble(rule="on_error", reason=f'{ref} failed ({outcome.cause}) and on_error is "fail"')
    failed, finished = tally.failed, tally.finished
    if breaker_tripped(plan.spec.limits.max_failures, failed=failed, finished=finished):
        reason = f"{failed} of {finished} evaluations failed, more than limits.max_failures allows; the last was {ref}"
        return Trouble(rule="max_failures", reason=reason)
    return None


def last_line(error: str | None) -> str:
    """What an error comes down to: the last line of its text."""
    lines = (error or "").strip().splitlines()
    return lines[-1] if lines else "no message"
