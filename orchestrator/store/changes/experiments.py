"""Changes of an experiment as a whole."""

from dataclasses import dataclass

from orchestrator.domain.states import ENDED_EXPERIMENT, ExperimentState, Phase
from orchestrator.errors import Conflict
from orchestrator.store.moves import experiment_row, move_experiment
from orchestrator.store.writer import Closing, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AddExperiment:
    """Accept a submission, once for each idempotency key."""

    name: str
    seed: int
    spec: str  # JSON
    source: str
    folder: str
    environment: str  # JSON
    code_hash: str | None
    idempotency_key: str | None

    def apply(self, transaction: Transaction) -> tuple[int, bool]:
        """The experiment's id, and whether this call made it. Raises Conflict for a key that stands for another submission."""
        if self.idempotency_key is not None:
            asked = {"idempotency_key": self.idempotency_key, "spec": self.spec, "folder": self.folder}
            before = transaction.read("submitted_before", asked)
            if before is not None and not before["same"]:
                message = f"this Idempotency-Key has made experiment {before['id']} from another file"
                raise Conflict(message, hint="use a new key for each submission")
            if before is not None:
                return int(before["id"]), False
        values = {
            "name": self.name,
            "seed": self.seed,
            "spec": self.spec,
            "source": self.source,
            "folder": self.folder,
            "environment": self.environment,
            "code_hash": self.code_hash,
            "idempotency_key": self.idempotency_key,
            "now_us": transaction.now_us,
        }
        experiment = transaction.insert("add_experiment", values)
        transaction.tell("experiment_submitted", experiment=experiment, name=self.name)
        return experiment, True


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveExperiment(Closing):
    """Move an experiment to another state."""

    experiment: int
    target: ExperimentState
    reason: str | None = None

    def apply(self, transaction: Transaction) -> ExperimentState:
        """The state it left."""
        return move_experiment(transaction, self.experiment, self.target, reason=self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterPhase(Closing):
    """Say what a running experiment does now."""

    experiment: int
    phase: Phase
    round: int

    def apply(self, transaction: Transaction) -> None:
        """Change the phase."""
        enter_phase(transaction, self.experiment, self.phase, round_number=self.round)


def enter_phase(transaction: Transaction, experiment: int, phase: Phase, *, round_number: int) -> None:
    """Change the phase within a transaction that also holds the facts it follows from."""
    transaction.run("set_phase", {"experiment": experiment, "phase": phase, "round": round_number})
    transaction.tell("phase_changed", experiment=experiment, phase=phase, round=round_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptCode:
    """Run an experiment's code as it is now from here on."""

    experiment: int
    code_hash: str

    def apply(self, transaction: Transaction) -> None:
        """Put the hash on record."""
        transaction.run("accept_code", {"experiment": self.experiment, "code_hash": self.code_hash})
        transaction.tell("code_accepted", experiment=self.experiment, code_hash=self.code_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveExperiment(Closing):
    """Forget an experiment that has ended."""

    experiment: int

    def apply(self, transaction: Transaction) -> None:
        """Refused while it has not ended."""
        found = experiment_row(transaction, self.experiment)
        if ExperimentState(found["state"]) not in ENDED_EXPERIMENT:
            message = f"experiment {self.experiment} is {found['state']}"
            raise Conflict(message, hint=f"cancel it first: orc cancel {self.experiment}")
        transaction.run("remove_experiment", {"experiment": self.experiment})
        transaction.tell("experiment_removed", experiment=self.experiment)
