"""Changes that a round makes: what was proposed, scored, selected, decided."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.domain.states import ExperimentState, IterationState, Phase, VariantState
from orchestrator.errors import StoreBlocked
from orchestrator.store.changes.experiments import AddExperiment, enter_phase
from orchestrator.store.moves import experiment_row, move_experiment
from orchestrator.store.writer import Closing, Sized, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision for the record: by which rule, from what, to what end."""

    kind: str  # generate, prune, gate, promote, select, decide
    rule: str
    message: str
    inputs: Mapping[str, Any]
    result: Mapping[str, Any]

    def add(self, transaction: Transaction, *, experiment: int, round_number: int) -> None:
        """Put it on record within a transaction."""
        values = {
            "experiment": experiment,
            "round": round_number,
            "kind": self.kind,
            "now_us": transaction.now_us,
            "rule": self.rule,
            "message": self.message,
            "inputs": json.dumps(self.inputs),
            "result": json.dumps(self.result),
        }
        transaction.run("add_decision", values)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRound:
    """Begin a round: phase `generating`."""

    experiment: int
    round: int
    approach: str

    def apply(self, transaction: Transaction) -> None:
        """Add the round and enter its first phase."""
        found = experiment_row(transaction, self.experiment)
        values = {
            "experiment": self.experiment,
            "round": self.round,
            "approach": self.approach,
            "first_variant": found["variant_count"] + 1,
            "now_us": transaction.now_us,
        }
        transaction.run("open_round", values)
        enter_phase(transaction, self.experiment, Phase.GENERATING, round_number=self.round)


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginExperiment:
    """Begin a queued experiment with its first round; one that was paused before it began stays paused."""

    experiment: int
    approach: str

    def apply(self, transaction: Transaction) -> ExperimentState:
        """The state it has now."""
        found = experiment_row(transaction, self.experiment)
        if found["state"] != ExperimentState.QUEUED:
            return ExperimentState(found["state"])
        move_experiment(transaction, self.experiment, ExperimentState.RUNNING)
        OpenRound(experiment=self.experiment, round=1, approach=self.approach).apply(transaction)
        return ExperimentState.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptExperiment:
    """Accept a submission and begin it in the same transaction."""

    submission: AddExperiment
    approach: str

    def apply(self, transaction: Transaction) -> tuple[int, bool]:
        """The experiment's id, and whether this call made it. Raises Conflict as `AddExperiment` does."""
        experiment, created = self.submission.apply(transaction)
        if created:
            BeginExperiment(experiment=experiment, approach=self.approach).apply(transaction)
        return experiment, created


class PlannedIteration(NamedTuple):
    """One iteration of a variant that is about to exist; the order is that of `add_iterations`."""

    number: int
    stage: str
    case: str | None
    repeat: int
    seed: int


class Proposed(NamedTuple):
    """One proposal with the iterations it starts with, should it be new. A tuple: thousands are made at once."""

    hash: int
    parameters: str  # canonical JSON
    iterations: tuple[PlannedIteration, ...]
    parents: tuple[str, ...] = ()


class Added(NamedTuple):
    """What became of proposals."""

    variants: Mapping[int, Proposed]  # those that are new, by their number
    taken: int  # how many proposals were taken at all


@dataclass(frozen=True, slots=True, kw_only=True)
class AddProposals(Sized):
    """Commit the next proposals of a round. A repeated one points at the first variant with its parameters."""

    experiment: int
    round: int
    approach: str
    first_ordinal: int
    proposals: tuple[Proposed, ...]
    room: int | None = None  # how many new variants may still be added; None: any number
    end: "EndProposals | None" = None  # committed with it, when these are the last

    @property
    def rows(self) -> int:
        """One for each."""
        return len(self.proposals)

    def apply(self, transaction: Transaction) -> Added:
        """What became of them: what is beyond `room` and all after it is left out."""
        state = experiment_row(transaction, self.experiment)
        values = {"experiment": self.experiment, "round": self.round}
        if transaction.read("round_row", values)["proposals"] != self.first_ordinal - 1:  # its turn comes after theirs
            raise StoreBlocked(f"the proposals before {self.first_ordinal} could not be stored yet")
        next_number = state["variant_count"] + 1
        new, numbers = self._numbered(next_number, known={})
        whole = len(numbers) == len(self.proposals)  # what seems to find no room may be a repetition, which needs none
        if not whole or not transaction.try_rows("add_variants", self._rows(new), shared=self._place):
            known = transaction.read("known_variants", values, rows=[proposal.hash for proposal in self.proposals])
            new, numbers = self._numbered(next_number, known=known)
            transaction.run_rows("add_variants", self._rows(new), shared=self._place)
        self._add(transaction, new, numbers)
        transaction.run("add_to_round", {**values, "count": len(numbers)})
        if self.end is not None:
            self.end.apply(transaction)
        return Added(new, len(numbers))

    def _numbered(self, next_number: int, *, known: Mapping[str, int]) -> tuple[dict[int, Proposed], Sequence[int]]:
        """New variants by their number, and the variant of each proposal, where variants with some parameters are known."""
        asked = [proposal.parameters for proposal in self.proposals]
        if not known and self.room is None and len({*asked}) == len(asked):  # as nearly always
            numbers = range(next_number, next_number + len(asked))
            return dict(zip(numbers, self.proposals, strict=True)), numbers
        found = dict(known)
        new: dict[int, Proposed] = {}
        pointers = []
        for proposal in self.proposals:
            number = found.setdefault(proposal.parameters, next_number)
            if number == next_number:
                if self.room is not None and len(new) >= self.room:
                    break
                new[number] = proposal
                next_number += 1
            pointers.append(number)
        return new, pointers

    @property
    def _place(self) -> tuple[Any, ...]:
        return self.experiment, self.round, self.approach, VariantState.PROPOSED.value

    def _rows(self, new: Mapping[int, Proposed]) -> list[tuple[Any, ...]]:
        return [
            (number, hash_, parameters, json.dumps(parents) if parents else "[]")
            for number, (hash_, parameters, _, parents) in new.items()
        ]

    def _add(self, transaction: Transaction, new: Mapping[int, Proposed], numbers: Sequence[int]) -> None:
        iterations = [(number, *planned) for number, proposal in new.items() for planned in proposal.iterations]
        transaction.run_rows("add_iterations", iterations, shared=(self.experiment, IterationState.QUEUED.value))
        runs = _runs(numbers, first_ordinal=self.first_ordinal)
        transaction.run_rows("add_proposals", runs, shared=(self.experiment, self.round))
        transaction.count(self.experiment, variant_count=len(new), iterations_queued=len(iterations))
        transaction.tell(
            "variants_proposed",
            experiment=self.experiment,
            round=self.round,
            count=len(new),
            duplicates=len(numbers) - len(new),
        )


def _runs(numbers: Sequence[int], *, first_ordinal: int) -> list[tuple[int, int, int]]:
    """(ordinal, variant, count): where proposals in a row became variants in a row."""
    if not numbers:
        return []
    if isinstance(numbers, range):
        return [(first_ordinal, numbers.start, len(numbers))]
    starts = [at for at, number in enumerate(numbers) if at == 0 or number != numbers[at - 1] + 1]
    ends = [*starts[1:], len(numbers)]
    return [(first_ordinal + start, numbers[start], end - start) for start, end in zip(starts, ends, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndProposals:
    """All proposals of a round are on record: on to evaluating them."""

    experiment: int
    round: int
    method: str
    seed: int
    proposals: int

    def apply(self, transaction: Transaction) -> None:
        """Change the phase; its turn comes after that of the last proposal."""
        place = {"experiment": self.experiment, "round": self.round}
        if transaction.read("round_row", place)["proposals"] != self.proposals:
            raise StoreBlocked(f"the proposals of round {self.round} could not be stored yet")
        decision = Decision(
            kind="generate",
            rule=self.method,
            message=f"{self.method} proposed {self.proposals} {'variant' if self.proposals == 1 else 'variants'}",
            inputs={"seed": self.seed},
            result={"proposals": self.proposals},
        )
        decision.add(transaction, experiment=self.experiment, round_number=self.round)
        enter_phase(transaction, self.experiment, Phase.EVALUATING, round_number=self.round)


@dataclass(frozen=True, slots=True)
class Score:
    """A gate's verdict on one variant."""

    variant: int
    score: float | None
    passed: bool
    verdict: str | None  # JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreVariants(Closing, Sized):
    """Commit gate verdicts."""

    experiment: int
    scores: tuple[Score, ...]

    @property
    def rows(self) -> int:
        """One for each."""
        return len(self.scores)

    def apply(self, transaction: Transaction) -> None:
        """Write the verdicts."""
        rows = [(one.variant, one.score, int(one.passed), one.verdict) for one in self.scores]
        transaction.run_rows("score_variants", rows, shared=(self.experiment,))
        passed = sum(score.passed for score in self.scores)
        transaction.tell("variants_scored", experiment=self.experiment, count=len(rows), passed=passed)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectVariants(Closing):
    """Commit what is selected, in place of what was, and move on to deciding."""

    experiment: int
    round: int
    variants: tuple[int, ...]
    best_objective: float | None
    decision: Decision

    def apply(self, transaction: Transaction) -> None:
        """Write selection, decision and phase."""
        values = {"experiment": self.experiment, "round": self.round, "best_objective": self.best_objective}
        transaction.run("deselect_variants", {"experiment": self.experiment})
        transaction.run_rows("select_variants", [(number,) for number in self.variants], shared=(self.experiment,))
        transaction.run("close_round", values)
        self.decision.add(transaction, experiment=self.experiment, round_number=self.round)
        refs = [f"{self.experiment}.{variant}" for variant in self.variants]
        transaction.tell("variants_selected", experiment=self.experiment, round=self.round, refs=refs[:1000])
        enter_phase(transaction, self.experiment, Phase.DECIDING, round_number=self.round)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideRound(Closing):
    """Commit what follows a round: the next one, or the end."""

    experiment: int
    round: int
    decision: Decision
    end_state: ExperimentState | None
    next_approach: str

    def apply(self, transaction: Transaction) -> None:
        """Write the decision together with the move that follows from it."""
        self.decision.add(transaction, experiment=self.experiment, round_number=self.round)
        message = self.decision.message
        transaction.tell(
            "decided", experiment=self.experiment, round=self.round, rule=self.decision.rule, reason=message
        )
        if self.end_state is not None:
            move_experiment(transaction, self.experiment, self.end_state, reason=message)
        else:
            following = OpenRound(experiment=self.experiment, round=self.round + 1, approach=self.next_approach)
            following.apply(transaction)
