"""Changes that running makes: iterations start, end, are queued again; variants end."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.outcome import Outcome
from orchestrator.domain.states import IterationState, VariantState
from orchestrator.store.changes.rounds import Decision, PlannedIteration
from orchestrator.store.columns import plain
from orchestrator.store.moves import IterationMove, VariantMove, move_iterations, move_variants
from orchestrator.store.writer import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class StartIterations:
    """A batch is about to be sent: its members are running from here on."""

    experiment: int
    moves: tuple[IterationMove, ...]
    first_of: tuple[int, ...]  # variants that start with it

    def apply(self, transaction: Transaction) -> None:
        """Move the members, with one event for the batch."""
        move_iterations(transaction, self.experiment, self.moves, source=IterationState.QUEUED)
        if self.first_of:
            started = {"experiment": self.experiment, "rows": json.dumps(self.first_of)}
            transaction.run("start_variants", started)
        refs = [f"{self.experiment}.{move.variant}.{move.number}" for move in self.moves]
        transaction.tell("iterations_started", experiment=self.experiment, refs=refs)


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """One attempt for the record."""

    variant: int
    iteration: int
    number: int
    executor: str
    queue_seconds: float | None
    outcome: Outcome

    def row(self, experiment: int) -> tuple[Any, ...]:
        """Its columns, as `add_attempts` takes them."""
        outcome, usage = self.outcome, self.outcome.usage
        return (
            experiment,
            self.variant,
            self.iteration,
            self.number,
            outcome.end.value,
            plain(outcome.cause),
            outcome.error,
            outcome.exit_status,
            self.executor,
            usage.started_us,
            usage.finished_us,
            usage.wall_seconds,
            usage.cpu_seconds,
            usage.max_rss_bytes,
            usage.output_bytes,
            self.queue_seconds,
            usage.pid,
            usage.start_ticks,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIterations:
    """Iterations of a later stage that a variant has earned."""

    variant: int
    iterations: tuple[PlannedIteration, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndIterations:
    """What came of a batch, and what follows from it for its variants, in one piece."""

    experiment: int
    attempts: tuple[EndedAttempt, ...]
    moves: tuple[IterationMove, ...]  # out of `running`
    variants: tuple[VariantMove, ...] = ()  # out of `evaluating`
    next_stages: tuple[NewIterations, ...] = ()

    def apply(self, transaction: Transaction) -> None:
        """Write attempts, moves and new iterations, with one event for all that ended and one for what is queued again."""
        transaction.run_rows("add_attempts", [attempt.row(self.experiment) for attempt in self.attempts])
        move_iterations(transaction, self.experiment, self.moves, source=IterationState.RUNNING)
        self._tell(
            transaction, [move for move in self.moves if move.target is IterationState.QUEUED], "iterations_requeued"
        )
        self._tell(
            transaction,
            [move for move in self.moves if move.target is not IterationState.QUEUED],
            "iterations_finished",
        )
        end_variants(transaction, self.experiment, self.variants)
        add_iterations(transaction, self.experiment, self.next_stages)

    def _tell(self, transaction: Transaction, moves: Sequence[IterationMove], kind: str) -> None:
        if not moves:
            return
        refs = [f"{self.experiment}.{move.variant}.{move.number}" for move in moves]
        states = [str(move.target) for move in moves]
        details: dict[str, Any] = {"states": states}
        if any(move.cause for move in moves):
            details["causes"] = [move.cause for move in moves]
        transaction.tell(kind, experiment=self.experiment, refs=refs, **details)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteVariants:
    """Commit who of a round goes on to later stages and who is pruned."""

    experiment: int
    round: int
    pruned: tuple[VariantMove, ...]
    next_stages: tuple[NewIterations, ...]
    decision: Decision

    def apply(self, transaction: Transaction) -> None:
        """Write both, with the decision."""
        self.decision.add(transaction, experiment=self.experiment, round_number=self.round)
        end_variants(transaction, self.experiment, self.pruned)
        add_iterations(transaction, self.experiment, self.next_stages)


def end_variants(transaction: Transaction, experiment: int, moves: Sequence[VariantMove]) -> None:
    """Move variants out of `evaluating`, with one event."""
    move_variants(transaction, experiment, moves, source=VariantState.EVALUATING)
    if moves:
        refs = [f"{experiment}.{move.number}" for move in moves]
        states = [str(move.target) for move in moves]
        transaction.tell("variants_finished", experiment=experiment, refs=refs, states=states)


def add_iterations(transaction: Transaction, experiment: int, additions: Sequence[NewIterations]) -> None:
    """Queue iterations of later stages."""
    rows = [
        (experiment, addition.variant, *planned, "queued") for addition in additions for planned in addition.iterations
    ]
    if rows:
        transaction.run_rows("add_iterations", rows)
        transaction.count(experiment, iterations_queued=len(rows))
