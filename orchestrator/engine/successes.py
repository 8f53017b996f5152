"""Batches of which nothing is to be decided member by member: all have succeeded, and each is all there is to its variant.

Plain functions. What they say is what `results.py` and `ending.py` say of the same batch; thousands are told at once here.
"""

from collections.abc import Sequence

from orchestrator.domain.evaluation import BatchResult
from orchestrator.domain.successes import Successes
from orchestrator.engine.ending import rank_of
from orchestrator.engine.plan import Plan
from orchestrator.engine.queue import RunningBatch
from orchestrator.search.metrics import own_metrics
from orchestrator.store.changes.iterations import PruneDecision, RoundDecision
from orchestrator.store.changes.profiles import SaveProfiles
from orchestrator.store.changes.successes import EndSuccesses

Decisions = tuple[PruneDecision | RoundDecision | SaveProfiles, ...]


def all_well(batch: RunningBatch, result: BatchResult, plan: Plan) -> Successes | None:
    """What the members of a batch came to when nothing but that follows for their variants; None when there is more to decide."""
    successes = result.outcomes
    if not isinstance(successes, Successes) or len(successes) != len(batch.items) or not _is_plain(plan):
        return None
    declared = plan.spec.objective
    if len(own_metrics(successes.metrics)) > 1 if declared is None else declared.metric not in successes.metrics:
        return None
    for variant, _, _ in batch.items:
        if variant.committing or variant.outdated or variant.pruned is not None:
            return None
    return successes


def end_of(
    batch: RunningBatch, successes: Successes, plan: Plan, *, sent_us: int, decisions: Decisions
) -> EndSuccesses:
    """What goes on record of a batch of which all is well. `sent_us`: when it was sent, by the clock on the wall."""
    objectives = _objectives(successes, plan)
    return EndSuccesses(
        experiment=plan.experiment,
        executor=batch.executor.name,
        stage=batch.stage.name,
        keys=[(variant.number, iteration.number) for variant, iteration, _ in batch.items],
        numbers=[iteration.attempt for _, iteration, _ in batch.items],
        queue_seconds=_queue_seconds(batch, successes, sent_us=sent_us),
        successes=successes,
        objectives=objectives,
        ranks=_ranks(objectives, plan),
        passed=True if plan.spec.gate is None else None,
        decisions=decisions,
    )


def _is_plain(plan: Plan) -> bool:
    """Whether a variant is one iteration, and what that reports is all that is known of it."""
    return plan.per_variant == 1 and plan.cases == (None,) and not plan.measures.measured


def _queue_seconds(batch: RunningBatch, successes: Successes, *, sent_us: int) -> Sequence[float | None]:
    """As `ended_attempt` has it: until the batch was sent, and from then on until the member began itself."""
    sent = batch.started
    if not sent:
        return [None] * len(successes)
    begun = zip(batch.items, successes.numbers["started_us"], strict=True)
    return [max(0.0, sent - since) + max(0, started_us - sent_us) / 1e6 for (_, _, since), started_us in begun]


def _objectives(successes: Successes, plan: Plan) -> Sequence[float | None]:
    """As `objective_value` has it."""
    declared = plan.spec.objective
    names = own_metrics(successes.metrics) if declared is None else (declared.metric,)
    return successes.metrics[names[0]] if names else [None] * len(successes)


def _ranks(objectives: Sequence[float | None], plan: Plan) -> Sequence[float]:
    return [rank_of(value, plan) for value in objectives]
