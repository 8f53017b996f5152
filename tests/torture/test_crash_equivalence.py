"""Kill a real daemon again and again in the middle of an experiment; the table must be that of a run nobody touched."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.client import Client
from orchestrator.client.sync import Experiment
from orchestrator.errors import NoDaemon
from tests.support.daemon_process import daemon
from tests.support.processes import processes_left

MODEL = """
import time

def evaluate(params, trial):
    time.sleep(params["pause"] / 1000)
    return {"value": params["x"] * 0.1 + trial.seed % 7, "other": trial.shared_seed % 5}

def refine(params, trial):
    return {"value": params["x"] ** 2 + trial.repeat}

def rough(params, trial):
    time.sleep(params["pause"] / 500)
    if trial.seed % 4 == 0:
        raise ValueError("too rough")
    return {"value": params["x"]}
"""
PROMOTING = """
name = "tortured"
seed = 11
cases = ["a", "b"]
repeats = 2
objective = { metric = "value", goal = "minimize" }

[[stage]]
name = "cheap"
call = "model:evaluate"
promote = { top = 0.5 }

[[stage]]
name = "dear"
call = "model:refine"
after = ["cheap"]
executor = "EXECUTOR"

[space]
x = { low = 0, high = 60 }
pause = [0, 3, 9]

[search]
method = "random"
variants = 14

[loop]
max_rounds = 3

[gate]
[[gate.criterion]]
metric = "value"
op = "<="
threshold = -1.0
"""
BRANCHING = """
name = "branching"
seed = 12
cases = ["a", "b"]
objective = { metric = "value", goal = "minimize" }

[[stage]]
name = "left"
call = "model:rough"
executor = "EXECUTOR"

[[stage]]
name = "left-on"
call = "model:evaluate"
after = ["left"]

[[stage]]
name = "right"
call = "model:evaluate"

[[stage]]
name = "right-on"
call = "model:refine"
after = ["right"]
executor = "EXECUTOR"

[[stage]]
name = "last"
call = "model:refine"
after = ["left-on", "right-on"]

[space]
x = { low = 0, high = 60 }
pause = [0, 3, 9]

[search]
method = "random"
variants = 16

[loop]
max_rounds = 2
"""
SPECS = {"promoting": PROMOTING, "branching": BRANCHING}
EXECUTORS = ("process", "thread", "sequential", "isolated")
LONGEST_LIFE_SECONDS = 0.5
ALONE = 0.7
"""How often the daemon is killed alone, so that isolated work goes on; otherwise its keeper dies with it."""


def seeds() -> Iterator[int]:
    """New seeds until the time for the campaign is over."""
    end = time.monotonic() + float(os.environ.get("TORTURE_SECONDS", "120"))
    first = int(os.environ.get("TORTURE_SEED", "1"))
    while time.monotonic() < end:
        yield first
        first += 1


def submit(client: Client, folder: Path, kind: str, executor: str) -> Experiment:
    """An experiment of this campaign."""
    (folder / "model.py").write_text(MODEL)
    (folder / "experiment.toml").write_text(SPECS[kind].replace("EXECUTOR", executor))
    return client.submit(folder / "experiment.toml")


def undisturbed(folder: Path, kind: str, executor: str) -> bytes:
    """The table of a run nobody touched."""
    with daemon(folder / "calm") as running:
        experiment = submit(running.client, folder, kind, executor)
        experiment.wait()
        return experiment.export()


def disturbed(folder: Path, kind: str, executor: str, rng: random.Random) -> tuple[bytes, int]:
    """The table of a run whose daemon was killed at random moments, and how often it was."""
    state = folder / f"torn-{rng.random()}"
    with daemon(state) as running:
        ref = submit(running.client, folder, kind, executor).ref
    kills = 0
    while True:
        alone = rng.random() < ALONE
        with daemon(state, left_alone=alone) as running:
            ended = ends_within(running.client, ref, seconds=rng.uniform(0.02, LONGEST_LIFE_SECONDS))
            if ended is None:
                running.send(signal.SIGKILL)
                running.process.wait()
                kills += 1
        if ended is not None:
            return ended, kills


def ends_within(client: Client, ref: str, *, seconds: float) -> bytes | None:
    """The table, if the experiment has ended by then."""
    try:
        experiment = client.experiment(ref)
        experiment.wait(timeout_seconds=seconds)
        return experiment.export()
    except (NoDaemon, TimeoutError):
        return None


@pytest.mark.torture
@pytest.mark.timeout(1500)
def test_a_daemon_killed_at_any_moment_ends_with_the_table_of_an_undisturbed_run(tmp_path: Path) -> None:
    """However often and whenever the daemon is killed with -9, the exported bytes are the same and no process is left."""
    calm = {kind: {undisturbed(tmp_path, kind, executor) for executor in EXECUTORS} for kind in SPECS}
    assert [len(tables) for tables in calm.values()] == [1, 1]
    total = 0
    for seed in seeds():
        rng = random.Random(seed)
        executor, kind = rng.choice(EXECUTORS), rng.choice(tuple(SPECS))
        table, kills = disturbed(tmp_path, kind, executor, rng)
        total += kills
        print(f"seed {seed}: {kind}, {executor}, killed {kills} times", flush=True)
        assert {table} == calm[kind], f"TORTURE_SEED={seed} gives another table"
    assert total > 0
    assert not processes_left(str(tmp_path))
