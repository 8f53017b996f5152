"""Commands to run for real: jobs, evaluations and batches of them, and what /proc says of what they start."""

import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from orchestrator.domain.evaluation import Batch, BatchResult, Evaluation, Job
from orchestrator.domain.outcome import Outcome
from orchestrator.domain.refs import ExperimentId
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.isolated import IsolatedExecutor
from tests.support.processes import processes_about

PATH = os.environ["PATH"]


def job_of(folder: Path, command: Sequence[str] | str, **changes: Any) -> Job:
    """A job that runs the command in `folder/work` and keeps outputs in `folder/runs/12`."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    facts: dict[str, Any] = {
        "experiment": ExperimentId(12),
        "stage": "main",
        "command": command if isinstance(command, str) else tuple(command),
        "environment": (("LANG", "C.UTF-8"), ("PATH", PATH)),
        "workdir": str(work),
        "output_folder": str(folder / "runs" / "12"),
    }
    return Job(**{**facts, **changes})


def evaluation_of(parameters: dict[str, Any] | None = None, **changes: Any) -> Evaluation:
    """The first attempt at iteration 12.3.1."""
    facts: dict[str, Any] = {
        "variant": 3,
        "iteration": 1,
        "attempt": 1,
        "parameters_json": json.dumps(parameters or {}),
        "seed": 7,
        "shared_seed": 8,
        "case": None,
        "repeat": 1,
    }
    return Evaluation(**{**facts, **changes})


def batch_of(job: Job, *evaluations: Evaluation) -> Batch:
    """These, or the one of `evaluation_of`."""
    return Batch(job=job, evaluations=evaluations or (evaluation_of(),))


@asynccontextmanager
async def isolated(folder: Path, **settings: Any) -> AsyncIterator[IsolatedExecutor]:
    """An executor whose private folder is below `folder`."""
    async with IsolatedExecutor(folder / "isolated", **settings) as executor:
        yield executor


async def run_one(folder: Path, command: Sequence[str] | str, **changes: Any) -> Outcome:
    """What comes of one command in an executor of its own."""
    async with isolated(folder) as executor:
        result = await executor.run(batch_of(job_of(folder, command, **changes)), StopSwitch())
    return only(result)


def only(result: BatchResult) -> Outcome:
    """The one outcome of a batch of one."""
    assert result.interrupted == result.unstarted == ()
    (outcome,) = result.outcomes.values()
    return outcome


def alive(pid: int) -> bool:
    """Whether the process has not ended; a zombie has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


def keepers_about(folder: Path) -> list[int]:
    """The keepers that work below a folder."""
    about = processes_about(str(folder))
    return [pid for pid, command in about.items() if "orchestrator.worker.keeper" in command and alive(pid)]


def pids_in(path: Path) -> list[int]:
    """The numbers a command has written to a file, one a line."""
    return [int(line) for line in path.read_text(encoding="utf-8").split()]
