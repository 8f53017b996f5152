"""Pausing an experiment and going on with it. Both are decisions on record: its limits of time stand still in between."""

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.domain.states import ExperimentState
from orchestrator.errors import Conflict
from orchestrator.store.changes.experiments import MoveExperiment
from orchestrator.store.changes.rounds import Decision
from orchestrator.store.moves import experiment_row, move_experiment
from orchestrator.store.writer import Closing, Sized, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseExperiment(Closing, Sized):
    """Start nothing more of it: by hand, or for a reason."""

    experiment: int
    reason: str | None = None
    prompt: ClassVar[bool] = True  # in one line with what starts, so that no start that came before is written after it

    def apply(self, transaction: Transaction) -> None:
        """Move it, and put that on record."""
        move = MoveExperiment(experiment=self.experiment, target=ExperimentState.PAUSED, reason=self.reason)
        move.apply(transaction)
        rule, message = ("hand", "paused by hand") if self.reason is None else ("code", f"paused: {self.reason}")
        _record(transaction, self.experiment, kind="pause", rule=rule, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeExperiment:
    """Take a pause back: to where it was."""

    experiment: int

    def apply(self, transaction: Transaction) -> ExperimentState:
        """The state it has now. Raises Conflict when it is not paused."""
        found = experiment_row(transaction, self.experiment)
        if found["state"] != ExperimentState.PAUSED:
            raise Conflict(f"experiment {self.experiment} is {found['state']}, not paused")
        target = ExperimentState.QUEUED if found["started_us"] is None else ExperimentState.RUNNING
        move_experiment(transaction, self.experiment, target)
        _record(transaction, self.experiment, kind="resume", rule="hand", message="it goes on")
        return target


def _record(transaction: Transaction, experiment: int, *, kind: str, rule: str, message: str) -> None:
    decision = Decision(kind=kind, rule=rule, message=message, inputs={}, result={"action": kind})
    round_number: int = experiment_row(transaction, experiment)["round"]
    decision.add(transaction, experiment=experiment, round_number=round_number)
