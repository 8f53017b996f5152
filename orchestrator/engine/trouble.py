"""When an experiment must not go on: its code cannot be imported, a failure is not to be borne, the breaker trips. Plain functions."""

from dataclasses import dataclass

from orchestrator.domain.outcome import Outcome
from orchestrator.domain.states import IterationState
from orchestrator.engine.plan import Plan
from orchestrator.engine.queue import Ready
from orchestrator.engine.settling import Settled
from orchestrator.search.decide import breaker_tripped


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why an experiment fails as a whole."""

    rule: str
    reason: str


def trouble_of(  # noqa: PLR0913 the facts of one ended attempt, each a plain value
    plan: Plan, item: Ready, settled: Settled, outcome: Outcome | None, failed: int, finished: int
) -> Trouble | None:
    """Whether one ended attempt is the end of its experiment."""
    if settled.state is not IterationState.FAILED or outcome is None:
        return None
    ref = f"{plan.experiment}.{item.variant.number}.{item.iteration.number}"
    if outcome.import_failed:
        return Trouble(rule="import", reason=f"the code cannot be imported: {(outcome.error or '').strip()}")
    if plan.spec.on_error == "fail":
        return Trouble(rule="on_error", reason=f'{ref} failed ({settled.cause}) and on_error is "fail"')
    if breaker_tripped(plan.spec.limits.max_failures, failed=failed, finished=finished):
        reason = f"{failed} of {finished} evaluations failed, more than limits.max_failures allows; the last was {ref}"
        return Trouble(rule="max_failures", reason=reason)
    return None
