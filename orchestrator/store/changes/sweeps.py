"""Changes that sweep over a part of the hierarchy: cancel, retry, recover after a restart."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.evaluation import Kept
from orchestrator.domain.refs import ExperimentId, Ref
from orchestrator.domain.states import (
    ENDED_EXPERIMENT,
    ENDED_VARIANT,
    Cause,
    ExperimentState,
    IterationState,
    Phase,
    VariantState,
)
from orchestrator.errors import Conflict
from orchestrator.store.changes.experiments import AcceptCode, enter_phase
from orchestrator.store.changes.rounds import Decision
from orchestrator.store.changes.usage import add_lost
from orchestrator.store.moves import count_variants, experiment_row, move_experiment
from orchestrator.store.writer import Closing, Transaction


def _scope(ref: Ref) -> dict[str, Any]:
    return {"experiment": ref.experiment, "variant": ref.variant, "iteration": ref.iteration}


def _evaluations(count: int) -> str:
    return f"{count} evaluation{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What was cancelled: iterations that waited, and variants."""

    iterations: int
    variants: int
    cases: Mapping[str | None, int]  # iterations by case

    @property
    def counts(self) -> dict[str, int]:
        """What a person is told."""
        return {"iterations": self.iterations, "variants": self.variants}


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelWork(Closing):
    """Cancel what waits under a ref, and the variants that have nothing left to do by it. Running work is stopped before."""

    ref: Ref
    rule: str
    stopped: int = 0  # evaluations of it that ran

    def apply(self, transaction: Transaction) -> Cancelled:
        """What was cancelled. If it is something, that somebody asked for it is a decision."""
        cancelled = cancel_counted(transaction, self.ref, rule=self.rule)
        iterations = cancelled.iterations + self.stopped
        if iterations or cancelled.variants:
            decision = Decision(
                kind="cancel",
                rule="hand",
                message=f"{self.ref} is cancelled: {_evaluations(iterations)}",
                inputs={"ref": str(self.ref)},
                result={**cancelled.counts, "iterations": iterations},
            )
            found = experiment_row(transaction, self.ref.experiment)
            decision.add(transaction, experiment=self.ref.experiment, round_number=found["round"])
        return cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class CutShort(Closing):
    """A limit of time is used up: cancel what waits of an experiment that goes on to what it has. Running work is stopped before."""

    experiment: int
    round: int
    decision: Decision

    def apply(self, transaction: Transaction) -> Cancelled:
        """What was cancelled."""
        self.decision.add(transaction, experiment=self.experiment, round_number=self.round)
        transaction.tell(
            "limit_reached", experiment=self.experiment, rule=self.decision.rule, reason=self.decision.message
        )
        return cancel_counted(transaction, Ref(ExperimentId(self.experiment)), rule="limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEarly(Closing):
    """End an experiment in the middle: what is open in it is cancelled, also what a defect has left running on record."""

    experiment: int
    target: ExperimentState
    reason: str
    rule: str

    def apply(self, transaction: Transaction) -> dict[str, int]:
        """How many iterations and variants were cancelled."""
        found = experiment_row(transaction, self.experiment)
        if self.target is not ExperimentState.CANCELLED and found["state"] != ExperimentState.RUNNING:
            move_experiment(transaction, self.experiment, ExperimentState.RUNNING)
        ref = Ref(ExperimentId(self.experiment))
        left = cancel_iterations(transaction, ref, source=IterationState.RUNNING)
        counts = cancel_work(transaction, ref, rule=self.rule)
        move_experiment(transaction, self.experiment, self.target, reason=self.reason)
        cancelled = {**counts, "iterations": counts["iterations"] + left}
        decision = Decision(
            kind="decide",
            rule=self.rule,
            message=self.reason,
            inputs={},
            result={"action": "end", "state": self.target, "cancelled": cancelled},
        )
        decision.add(transaction, experiment=self.experiment, round_number=found["round"])
        return cancelled


def cancel_counted(transaction: Transaction, ref: Ref, *, rule: str) -> Cancelled:
    """Cancel queued iterations and idle open variants under `ref`, for one that keeps count of what has ended."""
    cases = dict(transaction.read("cases_queued", _scope(ref)))
    return Cancelled(**cancel_work(transaction, ref, rule=rule), cases=cases)


def cancel_work(transaction: Transaction, ref: Ref, *, rule: str) -> dict[str, int]:
    """Cancel queued iterations and idle open variants under `ref`: how many."""
    scope = _scope(ref)
    iterations = cancel_iterations(transaction, ref, source=IterationState.QUEUED)
    variants = 0
    for source in (VariantState.PROPOSED, VariantState.EVALUATING):
        variants += transaction.run("cancel_open_variants", {**scope, "rule": rule, "source": source})
    transaction.count(ref.experiment, variants_cancelled=variants)
    counts = {"iterations": iterations, "variants": variants}
    if iterations or variants:
        transaction.tell("work_cancelled", experiment=ref.experiment, ref=str(ref), rule=rule, **counts)
    return counts


def cancel_iterations(transaction: Transaction, ref: Ref, *, source: IterationState) -> int:
    """Cancel the iterations under `ref` that are in one of the open states."""
    cancelled = transaction.run("cancel_iterations", {**_scope(ref), "source": source})
    transaction.count(ref.experiment, **{f"iterations_{source}": -cancelled, "iterations_cancelled": cancelled})
    return cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """What is queued anew."""

    iterations: int
    failed: int  # of them; the others were cancelled, or had succeeded
    variants: int  # that had ended and are open again
    cases: Mapping[str | None, int]  # iterations by case

    @property
    def counts(self) -> dict[str, int]:
        """What a person is told."""
        return {"iterations": self.iterations, "failed": self.failed, "variants": self.variants}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryWork:
    """Queue anew what did not succeed under a ref (an iteration that is named: whatever it came to); reopen what has ended."""

    ref: Ref
    failed_only: bool = False  # what was cancelled, or is named and has succeeded, stays as it is
    accept: AcceptCode | None = None  # with the code as it is now

    def apply(self, transaction: Transaction) -> Retried:
        """What is queued anew. Raises Conflict when there is nothing to retry."""
        experiment = self.ref.experiment
        found = experiment_row(transaction, experiment)
        cases = transaction.read("cases_to_retry", {**_scope(self.ref), "failed_only": self.failed_only})
        variants = self._reopen_variants(transaction)
        queued = self._queue(transaction)
        if not any(queued.values()):
            raise self._nothing()
        retried = Retried(
            iterations=sum(queued.values()), failed=queued[IterationState.FAILED], variants=variants, cases=dict(cases)
        )
        ended = ExperimentState(found["state"]) in ENDED_EXPERIMENT
        if ended:
            move_experiment(transaction, experiment, ExperimentState.RUNNING)
            enter_phase(transaction, experiment, Phase.EVALUATING, round_number=found["round"])
        self._decision(retried, ended=ended).add(transaction, experiment=experiment, round_number=found["round"])
        transaction.tell("work_retried", experiment=experiment, ref=str(self.ref), **retried.counts)
        if self.accept is not None:
            self.accept.apply(transaction)
        return retried

    def _decision(self, retried: Retried, *, ended: bool) -> Decision:
        """When an experiment that has ended goes on is on record with it: its limits of time count anew from there."""
        are = "is" if retried.iterations == 1 else "are"
        queued = f"{_evaluations(retried.iterations)} of {self.ref} {are} queued anew"
        return Decision(
            kind="retry",
            rule="reopened" if ended else "hand",
            message=f"opened again: {queued}" if ended else queued,
            inputs={"ref": str(self.ref), "failed_only": self.failed_only},
            result=retried.counts,
        )

    def _queue(self, transaction: Transaction) -> dict[IterationState, int]:
        scope = _scope(self.ref)
        sources = [IterationState.FAILED, *([] if self.failed_only else [IterationState.CANCELLED])]
        queued = {}
        for source in sources:
            queued[source] = transaction.run("retry_iterations", {**scope, "source": source})
        if self.ref.iteration is not None and not self.failed_only:
            queued[IterationState.SUCCEEDED] = transaction.run("retry_success", scope)
        for source, count in queued.items():
            transaction.count(self.ref.experiment, **{f"iterations_{source}": -count, "iterations_queued": count})
        return queued

    def _reopen_variants(self, transaction: Transaction) -> int:
        reopened = 0
        for ended in ENDED_VARIANT:
            values = {**_scope(self.ref), "source": ended, "failed_only": self.failed_only}
            changed = transaction.run("retry_variants", values)
            count_variants(transaction, self.ref.experiment, {ended: changed}, sign=-1)
            reopened += changed
        return reopened

    def _nothing(self) -> Conflict:
        if self.failed_only:
            return Conflict(
                f"nothing under {self.ref} has failed", hint="without --failed, what was cancelled counts too"
            )
        return Conflict(
            f"nothing under {self.ref} has failed or was cancelled", hint="name an iteration to run it again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What became of the work that was under way."""

    lost: Mapping[int, int]  # attempts by experiment
    adopted: frozenset[Kept]  # they are under way still


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverWork(Closing):
    """After a start: what was under way is queued anew, and its attempts are recorded as lost; but for those an executor has kept."""

    boot_id: str
    kept: frozenset[Kept] = frozenset()

    def apply(self, transaction: Transaction) -> Recovered:
        """Which are lost and which go on."""
        before = transaction.read("get_meta", {"key": "boot_id"})
        rebooted = before is not None and before != self.boot_id
        cause = Cause.MACHINE_LOST if rebooted else Cause.WORKER_LOST
        what = "machine" if rebooted else "daemon"
        kept = {"kept": json.dumps(sorted(self.kept))}
        lost: list[tuple[int, int]] = transaction.read("experiments_with_lost", kept)
        transaction.run("lose_attempts", {**kept, "cause": cause, "error": f"the {what} went down while it ran"})
        add_lost(transaction, cause)
        transaction.run("requeue_lost", kept)
        for experiment, count in lost:
            transaction.count(experiment, iterations_running=-count, iterations_queued=count)
            transaction.tell("iterations_recovered", experiment=experiment, count=count, cause=cause)
        adopted = frozenset(Kept(*row) for row in transaction.read("running_attempts"))
        for experiment, count in Counter(one.experiment for one in adopted).items():
            transaction.tell("iterations_adopted", experiment=experiment, count=count)
        transaction.run("set_meta", {"key": "boot_id", "value": self.boot_id})
        return Recovered(lost=dict(lost), adopted=adopted)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepEvents:
    """Forget all but the newest events."""

    keep: int

    def apply(self, transaction: Transaction) -> int:
        """How many were dropped."""
        return transaction.run("drop_events", {"keep": self.keep})


@dataclass(frozen=True, slots=True, kw_only=True)
class TellEvent(Closing):
    """Put something the daemon did on record."""

    kind: str

    def apply(self, transaction: Transaction) -> None:
        """Add the event."""
        transaction.tell(self.kind)
