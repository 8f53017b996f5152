"""Experiments whose evaluations find out by themselves whether another one runs beside them, in two daemons that get killed."""

import random
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from orchestrator.client.sync import Experiment
from orchestrator.errors import NoDaemon
from tests.support.daemon_process import Running, daemon

MODEL = """
import fcntl, os, time

def evaluate(params):
    with open(WITNESS, "a") as witness:
        fcntl.lockf(witness, fcntl.LOCK_EX | fcntl.LOCK_NB)
        witness.write(".")
        witness.flush()
        time.sleep(params["pause"] / 1000)
        fcntl.lockf(witness, fcntl.LOCK_UN)
    return params["x"]
"""
SPEC = """
name = "exclusive"
[stage]
WORK
locks = [LOCKS]
[space]
x = { low = 1, high = COUNT }
pause = [2]
[search]
method = "grid"
[limits]
max_parallel = 4
"""


def exclusive_experiment(folder: Path, witness: Path, *, executor: str, locks: Sequence[str], count: int) -> Path:
    """Its file. Each evaluation adds a dot to the witness, and fails when another one holds it."""
    folder.mkdir()
    (folder / "model.py").write_text(MODEL.replace("WITNESS", repr(str(witness))))
    work = f'call = "model:evaluate"\nexecutor = "{executor}"'
    names = ", ".join(f'"{name}"' for name in locks)
    text = SPEC.replace("WORK", work).replace("LOCKS", names).replace("COUNT", str(count))
    (folder / "experiment.toml").write_text(text)
    return folder / "experiment.toml"


class Rival:
    """A daemon with a state directory of its own, and its experiment; it can be killed and comes back."""

    def __init__(self, folder: Path, spec: Path, *, locks: Path, lives: ExitStack) -> None:
        self._state = folder / f"s-{spec.parent.name}"
        self._environ = {"ORCHESTRATOR_LOCK_DIR": str(locks)}
        self._lives = lives
        self.running = self._begin()
        self.ref = self.running.client.submit(spec).ref

    def _begin(self) -> Running:
        return self._lives.enter_context(daemon(self._state, environ=self._environ))

    def kill(self) -> None:
        """kill -9 of the daemon alone, then another one in its place."""
        self.running.send(signal.SIGKILL)
        self.running.process.wait()
        self.running = self._begin()

    @property
    def experiment(self) -> Experiment:
        """As the daemon of now has it."""
        return self.running.client.experiment(self.ref)

    def ended_within(self, seconds: float) -> bool:
        """Whether it has ended by then."""
        try:
            self.experiment.wait(timeout_seconds=seconds)
        except (NoDaemon, TimeoutError):
            return False
        return True


def rivalry(
    folder: Path, executors: Sequence[str], *, count: int, kills: int, rng: random.Random
) -> list[dict[str, int]]:
    """What came of the iterations of two daemons that share a lock, one of them killed now and then."""
    rivals: list[Rival] = []
    witness = folder / "witness"
    with ExitStack() as lives:
        for number, executor in enumerate(executors):
            place = folder / f"{executor}-{number}"
            spec = exclusive_experiment(place, witness, executor=executor, locks=["gpu0"], count=count)
            rivals.append(Rival(folder, spec, locks=folder / "locks", lives=lives))
        for _ in range(kills):
            victim = rng.choice(rivals)
            if not victim.ended_within(rng.uniform(0.05, 0.5)):
                victim.kill()
        return [_iterations(rival.experiment) for rival in rivals]


def _iterations(experiment: Experiment) -> dict[str, int]:
    experiment.wait()
    counts: dict[str, int] = experiment.document()["iterations"]
    return counts
