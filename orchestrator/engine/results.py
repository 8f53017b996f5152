"""What came of batches, taken over into the members in memory: their states, the tally, and whether the experiment can go on."""

from collections.abc import Mapping
from typing import NamedTuple

import anyio

from orchestrator.domain.evaluation import BatchResult
from orchestrator.domain.outcome import UNKNOWN_USAGE, AttemptEnd, Outcome
from orchestrator.domain.states import ENDED_ITERATION, IterationState
from orchestrator.engine.ending import ended_attempt, iteration_move
from orchestrator.engine.plan import Plan
from orchestrator.engine.pruning import PRUNED
from orchestrator.engine.queue import Ready, RunningBatch, WorkQueue
from orchestrator.engine.settling import Settled, evicted, given_back, settle, with_objective, with_verdict
from orchestrator.engine.trouble import Trouble, said_of, trouble_of
from orchestrator.engine.variant import ActiveIteration, ActiveVariant
from orchestrator.search.metrics import with_measured
from orchestrator.store.changes.iterations import EndedAttempt
from orchestrator.store.moves import IterationMove
from orchestrator.store.times import now_us


class Taken(NamedTuple):
    """What goes on record of a batch, and what is queued again after so many seconds."""

    attempts: list[EndedAttempt]
    moves: list[IterationMove]
    again: list[tuple[Ready, float]]


def when_sent(batch: RunningBatch) -> int:
    """UTC microseconds of when a batch began to execute."""
    return now_us() - int((anyio.current_time() - batch.started) * 1e6)


class Results:
    """Of one experiment."""

    def __init__(self, plan: Plan, queue: WorkQueue) -> None:
        self.trouble: Trouble | None = None
        self.first_error: str | None = None
        self.code_changed = False  # a process would have loaded other code than was submitted
        self._plan = plan
        self._queue = queue
        self._tally = queue.tally
        self._doubted: set[tuple[int, int]] = set()  # what was run again elsewhere once: its next failure is its own

    def take(self, batch: RunningBatch, result: BatchResult) -> Taken:
        """Take over what came of the members of a batch."""
        taken, succeeded, sent_us = Taken([], [], []), AttemptEnd.SUCCEEDED, when_sent(batch)
        for position, item in enumerate(batch.items):
            outcome = self._outcome(batch, position, result)
            if outcome is not None and outcome.end is succeeded:  # as nearly all do
                self._succeed(item.iteration, outcome)
            else:
                settled = self._settle(batch, item, outcome)
                outcome = outcome and with_verdict(outcome, settled)
                self._take_over(item, settled, outcome)
                if settled.state is IterationState.QUEUED:
                    taken.again.append((item, settled.wait_seconds))
            if outcome is not None:
                taken.attempts.append(ended_attempt(batch, item, outcome, sent_us=sent_us))
            taken.moves.append(iteration_move(item))
        return taken

    def take_well(self, batch: RunningBatch) -> list[ActiveVariant]:
        """Take over that all members of a batch have succeeded, each all there is to its variant: the variants.

        What they have measured is not: nobody asks for it before they leave memory.
        """
        for variant, iteration, _ in batch.items:
            iteration.state, iteration.cause, variant.committing = IterationState.SUCCEEDED, None, True
        self._tally.finished += len(batch.items)
        return [variant for variant, _, _ in batch.items]

    def give_up(self, trouble: Trouble | None) -> None:
        """The experiment cannot go on, if there is trouble: nothing more of it starts from here on."""
        self.trouble = self.trouble or trouble
        self._queue.closed = self._queue.closed or trouble is not None

    def count(self, iteration: ActiveIteration) -> None:
        """One more has ended."""
        self._tally.finished += 1
        if iteration.case is not None:
            self._tally.cases[iteration.case] += 1

    def _outcome(self, batch: RunningBatch, position: int, result: BatchResult) -> Outcome | None:
        """The attempt's end; None when it was never begun or is given back without one."""
        item = batch.items[position]
        outcome = result.outcomes.get(position)
        if outcome is not None and outcome.code_changed:
            if batch.code_hash == batch.stage.job.code_hash:  # else what is there now was accepted meanwhile
                self.code_changed = self._queue.paused = True
            return None
        if outcome is not None:
            return with_objective(outcome, self._plan, item.iteration.stage)
        if position not in result.interrupted:
            return None
        used = result.used.get(position, UNKNOWN_USAGE)
        if item.key in batch.cancelled:
            return Outcome(end=AttemptEnd.CANCELLED, usage=used)
        if batch.interrupted:
            return Outcome(end=AttemptEnd.INTERRUPTED, usage=used)
        return evicted(batch.evicted)._replace(usage=used) if batch.evicted else None

    def _succeed(self, iteration: ActiveIteration, outcome: Outcome) -> None:
        iteration.state, iteration.cause = IterationState.SUCCEEDED, None
        iteration.metrics = own = outcome.metrics or {}
        if self._plan.measures.measured:
            iteration.metrics = {**self._used(with_measured({}, outcome.usage)), **own}
        self.count(iteration)

    def _used(self, measured: Mapping[str, float]) -> dict[str, float]:
        return {name: measured[name] for name in self._plan.measures.measured if name in measured}

    def _settle(self, batch: RunningBatch, item: Ready, outcome: Outcome | None) -> Settled:
        if outcome is not None:
            retries = self._plan.stages[item.iteration.stage].retries
            doubted = batch.doubted and item.key not in self._doubted
            if doubted:
                self._doubted.add(item.key)
            return settle(item.iteration, outcome, retries, doubted=doubted)
        back = given_back(item.iteration)
        return back._replace(state=IterationState.CANCELLED) if item.key in batch.cancelled else back

    def _take_over(self, item: Ready, settled: Settled, outcome: Outcome | None) -> None:
        iteration = item.iteration
        iteration.state, iteration.attempt = settled.state, settled.attempt
        iteration.charged, iteration.cause = settled.charged, settled.cause
        iteration.deaths = settled.deaths
        iteration.evictions += outcome is not None and outcome.evicted
        if settled.state is IterationState.CANCELLED and item.variant.pruned is not None:
            iteration.cause = PRUNED
        if settled.state in ENDED_ITERATION:
            self.count(iteration)
        if settled.state is IterationState.FAILED:
            self._tally.failed += 1
        if settled.state is IterationState.FAILED and outcome is not None:
            ref = f"{self._plan.experiment}.{item.variant.number}.{iteration.number}"
            self.first_error = self.first_error or f"{ref} {outcome.cause}: {said_of(outcome)}"
            self.give_up(trouble_of(self._plan, ref, outcome, self._tally))
