"""The workloads of tests/fixtures/workloads as jobs, for executors that run callables and for executors that run commands."""

import json
import os
import shutil
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from orchestrator.domain.evaluation import Batch, Evaluation, Job
from orchestrator.domain.refs import ExperimentId

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "workloads"


class Workloads(Protocol):
    """Makes a job of a workload's name."""

    def job(self, name: str) -> Job:
        """The job that runs this workload."""
        ...


def _plain_job(folder: Path) -> Job:
    workdir = folder / "work"
    if not workdir.exists():
        shutil.copytree(FIXTURES, workdir, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    return Job(
        experiment=ExperimentId(1),
        stage="main",
        environment=tuple(sorted(environment.items())),
        workdir=str(workdir),
        output_folder=str(folder / "runs"),
    )


class Calls:
    """Workloads as callables."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def job(self, name: str) -> Job:
        """`evaluators:<name>` in a workdir of its own."""
        return replace(_plain_job(self._folder), call=f"evaluators:{name}")


class Commands:
    """The same workloads as commands."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def job(self, name: str) -> Job:
        """`python evaluators.py <name>` in a workdir of its own."""
        return replace(_plain_job(self._folder), command=(sys.executable, "evaluators.py", name))


def evaluations(parameters: Sequence[Mapping[str, Any]], *, first: int = 1) -> tuple[Evaluation, ...]:
    """One variant for each of the parameters, numbered from `first`, each in its first iteration and first attempt."""
    return tuple(
        Evaluation(
            variant=number,
            iteration=1,
            attempt=1,
            parameters_json=json.dumps(values, sort_keys=True),
            seed=40 + number,
            shared_seed=7,
            case=None,
            repeat=1,
        )
        for number, values in enumerate(parameters, first)
    )


def batch(job: Job, *parameters: Mapping[str, Any], first: int = 1) -> Batch:
    """A batch of one evaluation for each of the parameters."""
    return Batch(job=job, evaluations=evaluations(parameters, first=first))


def output(job: Job, variant: int, ending: str = "out") -> str | None:
    """What the first attempt of a variant's first iteration printed; None when there is no file."""
    path = Path(job.output_folder) / str(variant) / f"1.1.{ending}"
    return path.read_text(encoding="utf-8") if path.exists() else None


@contextmanager
def light_main() -> Iterator[None]:
    """Spawned processes import the main module again; pytest's is heavy, the daemon's is not."""
    heavy = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = heavy
