"""Changes that running makes: iterations start, end, are queued again; variants end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from orchestrator.domain.outcome import Outcome, Usage
from orchestrator.domain.states import IterationState
from orchestrator.store.changes.profiles import SaveProfiles
from orchestrator.store.changes.reports import Told
from orchestrator.store.changes.rounds import Decision, PlannedIteration
from orchestrator.store.changes.usage import ATTEMPT_COLUMNS, Place, Sums, add_usage, sums_of
from orchestrator.store.columns import metrics_json, plain
from orchestrator.store.moves import (
    ByNumber,
    IterationEnds,
    IterationMove,
    Key,
    VariantEnds,
    VariantMove,
    by_number,
    drop_iterations,
    end_iterations,
    experiment_row,
    iteration_ends,
    move_variants,
    start_iterations,
    variant_ends,
)
from orchestrator.store.writer import Closing, Sized, Transaction

Details = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartIterations(Sized):
    """A batch is about to be sent: its members are running from here on."""

    experiment: int
    keys: tuple[Key, ...]
    decision: "RoundDecision | None" = None  # that goes on record with it
    prompt: ClassVar[bool] = True

    @property
    def rows(self) -> int:
        """One for each that starts, and they are cheap."""
        return len(self.keys) // 8

    def prepared(self) -> "StartingRows":
        """The same change with its event made."""
        refs = [f"{self.experiment}.{variant}.{number}" for variant, number in self.keys]
        return StartingRows(change=self, grouped=by_number(self.keys), refs=refs)

    def apply(self, transaction: Transaction) -> None:
        """As of the prepared one."""
        self.prepared().apply(transaction)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartingRows:
    """All of a `StartIterations` that needs no database is done."""

    change: StartIterations
    grouped: ByNumber
    refs: list[str]

    def apply(self, transaction: Transaction) -> None:
        """Begin their next attempts, with one event for the batch."""
        change, experiment = self.change, self.change.experiment
        start_iterations(transaction, experiment, change.keys, grouped=self.grouped)
        transaction.tell("iterations_started", experiment=experiment, refs=self.refs)
        if change.decision is not None:
            change.decision.add(transaction, experiment)


_ON_RECORD = Usage._fields.index("starved_seconds")
_METRICS = ATTEMPT_COLUMNS.index("metrics")


class EndedAttempt(NamedTuple):
    """One attempt for the record. A tuple: thousands are made at once."""

    variant: int
    iteration: int
    number: int
    queue_seconds: float | None
    outcome: Outcome

    def row(self) -> tuple[Any, ...]:
        """Its columns, as `add_attempts` takes them."""
        variant, iteration, number, queue_seconds, outcome = self
        end, metrics, cause, error, status = outcome[:5]
        how = str(end), plain(cause), error, status, metrics_json(metrics)
        return (variant, iteration, number, queue_seconds, *how, *outcome.usage[:_ON_RECORD])

    def artifact_rows(self) -> list[tuple[Any, ...]]:
        """Its files, as `add_artifacts` takes them."""
        place = self.variant, self.iteration, self.number
        return [(*place, name, size, int(kept)) for name, size, kept in self.outcome.artifacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIterations:
    """Iterations of a later stage that a variant has earned."""

    variant: int
    iterations: tuple[PlannedIteration, ...]


class PruneDecision(NamedTuple):
    """Why a variant is pruned; it goes on record in the round that brought the variant."""

    variant: int
    decision: Decision

    def add(self, transaction: Transaction, experiment: int) -> None:
        """Put it on record."""
        place = {"experiment": experiment, "variant": self.variant}
        round_number: int = transaction.read("round_of_variant", place)
        self.decision.add(transaction, experiment=experiment, round_number=round_number)


class RoundDecision(NamedTuple):
    """A decision that goes on record in the round that is under way: why a stage is run elsewhere from now on, that a lane has begun."""

    decision: Decision

    def add(self, transaction: Transaction, experiment: int) -> None:
        """Put it on record."""
        round_number: int = experiment_row(transaction, experiment)["round"]
        self.decision.add(transaction, experiment=experiment, round_number=round_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndIterations(Closing, Sized):
    """What came of a batch, and what follows from it for its variants, in one piece."""

    experiment: int
    attempts: tuple[EndedAttempt, ...] = ()
    executor: str | None = None  # where the attempts ran
    stage: str = ""  # which stage they are of
    moves: tuple[IterationMove, ...] = ()  # out of `running`
    variants: tuple[VariantMove, ...] = ()  # out of `evaluating`
    next_stages: tuple[NewIterations, ...] = ()
    told: Told | None = None
    dropped: tuple[IterationMove, ...] = ()  # out of `queued`
    decisions: tuple[PruneDecision | RoundDecision | SaveProfiles, ...] = ()

    @property
    def rows(self) -> int:
        """One for each that has ended: its attempt, its move and that of its variant."""
        return max(1, len(self.moves))

    def prepared(self) -> "EndingRows":
        """The same change with its rows and events made."""
        rows = [attempt.row() for attempt in self.attempts]
        texts = {id(attempt.outcome.metrics): row[_METRICS] for attempt, row in zip(self.attempts, rows, strict=True)}
        queued = [move for move in self.moves if move.target is IterationState.QUEUED]
        ended = [move for move in self.moves if move.target is not IterationState.QUEUED] if queued else self.moves
        return EndingRows(
            change=self,
            attempts=AttemptRows("add_attempts", (self.experiment, self.executor), rows),
            used=sums_of(rows),
            files=[row for attempt in self.attempts if attempt.outcome.artifacts for row in attempt.artifact_rows()],
            iterations=iteration_ends(self.moves),
            requeued=_told_of(self.experiment, queued),
            finished=_told_of(self.experiment, ended),
            variants=_variant_endings(self.experiment, self.variants, texts=texts),
        )

    def apply(self, transaction: Transaction) -> None:
        """As of the prepared one."""
        self.prepared().apply(transaction)


class AttemptRows(NamedTuple):
    """Attempts as they are written: by which statement, and what all of them have in common."""

    statement: str
    shared: tuple[Any, ...]
    rows: Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingRows(Closing):
    """All of an `EndIterations` that needs no database is done: the connection's thread has more to do than any other."""

    change: EndIterations
    attempts: AttemptRows
    used: Sums
    files: Sequence[tuple[Any, ...]]
    iterations: IterationEnds
    requeued: Details | None
    finished: Details | None
    variants: "VariantEndings"

    def apply(self, transaction: Transaction) -> None:
        """Write attempts, moves and new iterations, with one event for all that ended and one for what is queued again."""
        change, experiment = self.change, self.change.experiment
        if self.attempts.rows:
            transaction.run_rows(self.attempts.statement, self.attempts.rows, shared=self.attempts.shared)
            add_usage(transaction, Place(experiment, change.stage, change.executor or ""), self.used)
        if self.files:
            transaction.run_rows("add_artifacts", self.files, shared=(experiment,))
        end_iterations(transaction, experiment, self.iterations)
        _tell(transaction, experiment, "iterations_requeued", self.requeued)
        _tell(transaction, experiment, "iterations_finished", self.finished)
        if change.told is not None:
            change.told.add(transaction, experiment)
        if change.dropped:
            drop_iterations(transaction, experiment, change.dropped)
            _tell(transaction, experiment, "iterations_finished", _told_of(experiment, change.dropped))
        for decision in change.decisions:
            decision.add(transaction, experiment)
        self.variants.write(transaction, experiment)
        add_iterations(transaction, experiment, change.next_stages)


def _told_of(experiment: int, moves: Sequence[IterationMove]) -> Details | None:
    """What an event tells of moves; None when there are none."""
    if not moves:
        return None
    refs = [f"{experiment}.{move.variant}.{move.number}" for move in moves]
    details: Details = {"refs": refs, "states": [move.target for move in moves]}
    if any(move.cause for move in moves):
        details["causes"] = [move.cause for move in moves]
    return details


def _tell(transaction: Transaction, experiment: int, kind: str, details: Details | None) -> None:
    if details is not None:
        transaction.tell(kind, experiment=experiment, **details)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteVariants(Closing):
    """Commit who of a round goes on to later stages and who is pruned."""

    experiment: int
    round: int
    pruned: tuple[VariantMove, ...]
    next_stages: tuple[NewIterations, ...]
    decision: Decision

    def apply(self, transaction: Transaction) -> None:
        """Write both, with the decision."""
        self.decision.add(transaction, experiment=self.experiment, round_number=self.round)
        _variant_endings(self.experiment, self.pruned, texts={}).write(transaction, self.experiment)
        add_iterations(transaction, self.experiment, self.next_stages)


class VariantEndings(NamedTuple):
    """Variants that end, with the one event that tells it."""

    ends: VariantEnds
    details: Details | None

    def write(self, transaction: Transaction, experiment: int) -> None:
        """End them."""
        if self.details is not None:
            move_variants(transaction, experiment, self.ends)
            _tell(transaction, experiment, "variants_finished", self.details)


def _variant_endings(experiment: int, moves: Sequence[VariantMove], *, texts: Mapping[int, str]) -> VariantEndings:
    refs = [f"{experiment}.{move.number}" for move in moves]
    details = {"refs": refs, "states": [move.target for move in moves]}
    return VariantEndings(variant_ends(moves, texts=texts), details if moves else None)


def add_iterations(transaction: Transaction, experiment: int, additions: Sequence[NewIterations]) -> None:
    """Queue iterations of later stages."""
    rows = [(addition.variant, *planned) for addition in additions for planned in addition.iterations]
    if rows:
        transaction.run_rows("add_iterations", rows, shared=(experiment, IterationState.QUEUED.value))
        transaction.count(experiment, iterations_queued=len(rows))
