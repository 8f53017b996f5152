"""Claims about a thread host that dies while several evaluations execute in it: only the one that did it pays."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.evaluation import BatchResult, Job
from orchestrator.domain.states import Cause
from tests.support.executors import PATIENCE_SECONDS, Rig, opened, run
from tests.support.lab import open_lab
from tests.support.workloads import light_main

MODEL = """
import os, signal, threading

STARTED = threading.Barrier({together}, action=lambda: open("together", "w").close())

def evaluate(params):
    if not os.path.exists("together"):
        STARTED.wait()
        if params["x"] != {culprit}:
            threading.Event().wait()
    if params["x"] == {culprit}:
        {deed}
    return os.getpid() if params.get("pid") else params["x"]
"""
LEAVE = "os._exit(9)"
KILL = "os.kill(os.getpid(), signal.SIGKILL)"
FALL_SILENT = "os.closerange(3, 256); threading.Event().wait()"
TOGETHER = 4


@pytest.fixture(autouse=True)
def quick_spawn() -> Iterator[None]:
    """A fresh process does not import pytest."""
    with light_main():
        yield


def write_model(folder: Path, deed: str, *, culprit: int = 2) -> None:
    """A model whose evaluations wait for each other the first time; then the culprit acts while the others execute."""
    (folder / "model.py").write_text(MODEL.format(together=TOGETHER, culprit=culprit, deed=deed), encoding="utf-8")


def job_of(rig: Rig, folder: Path, deed: str) -> Job:
    """The model as a job."""
    job = replace(rig.workloads.job("number"), call="model:evaluate", timeout_seconds=PATIENCE_SECONDS)
    write_model(folder / "work", deed)
    return job


async def die_together(rig: Rig, job: Job) -> list[BatchResult]:
    """Four batches whose first evaluations are executing when their host dies, each with a second one behind."""
    results: dict[int, BatchResult] = {}

    async def one(x: int) -> None:
        results[x] = await run(rig, job, {"x": x}, {"x": 10 + x}, first=10 * x)

    async with anyio.create_task_group() as tasks:
        for x in range(TOGETHER):
            tasks.start_soon(one, x)
    return [results[x] for x in range(TOGETHER)]


@pytest.mark.asyncio
@pytest.mark.parametrize(("deed", "cause"), [(LEAVE, "exited"), (KILL, "signalled"), (FALL_SILENT, "worker_lost")])
async def test_only_the_one_that_ended_its_host_fails(deed: str, cause: str, tmp_path: Path) -> None:
    """Of four that execute when the host dies, three succeed in their first attempt and one fails for what it did."""
    write_model(tmp_path, deed)
    async with opened("thread", tmp_path, threads=TOGETHER) as rig, open_lab(tmp_path, rig.executor, threads=4) as lab:
        stage = {"call": "model:evaluate", "executor": "thread", "timeout": "30s"}
        end = await lab.run(stage=[stage], space={"x": [0, 1, 2, 3]}, limits={"max_parallel": TOGETHER})
        attempts = {}
        for variant in await lab.variants(end["id"]):
            attempts[variant["params"]["x"]] = await lab.attempts(f"{variant['ref']}.1")
    succeeded = [(1, "succeeded", None)]
    assert attempts == {0: succeeded, 1: succeeded, 2: [(1, "failed", cause)], 3: succeeded}


@pytest.mark.asyncio
class TestExecutor:
    async def test_all_suspects_are_given_back(self, tmp_path: Path) -> None:
        """What executed is interrupted, what was behind it is unstarted, and nothing has an outcome."""
        async with opened("thread", tmp_path) as rig:
            results = await die_together(rig, job_of(rig, tmp_path, LEAVE))
        assert results == [BatchResult(outcomes={}, interrupted=(0,), unstarted=(1,))] * TOGETHER

    @pytest.mark.parametrize(
        ("deed", "cause", "status"), [(LEAVE, Cause.EXITED, 9), (KILL, Cause.SIGNALLED, -signal.SIGKILL)]
    )
    async def test_a_suspect_takes_nothing_with_it(self, deed: str, cause: Cause, status: int, tmp_path: Path) -> None:
        """The culprit dies alone with its real cause, and the host that others use meanwhile is the same before and after."""
        async with opened("thread", tmp_path) as rig:
            job = job_of(rig, tmp_path, deed)
            await die_together(rig, job)
            before = await run(rig, job, {"x": 50, "pid": True}, first=90)
            culprit = await run(rig, job, {"x": 12}, {"x": 2}, {"x": 22}, first=19)
            after = await run(rig, job, {"x": 50, "pid": True}, first=91)
        assert culprit.unstarted == (0, 2)
        assert (culprit.outcomes[1].cause, culprit.outcomes[1].exit_status) == (cause, status)
        assert before.outcomes[0].metrics == after.outcomes[0].metrics

    async def test_a_suspect_is_alone_once_for_as_long_as_it_is_one(self, tmp_path: Path) -> None:
        """Its process is its own; when it has ended, the same attempt is like any other."""
        async with opened("thread", tmp_path) as rig:
            job = job_of(rig, tmp_path, LEAVE)
            await die_together(rig, job)
            pids = [
                (await run(rig, job, {"x": 0, "pid": True}, first=first)).outcomes[0].usage.pid
                for first in (90, 10, 90, 10)
            ]
        assert pids[0] == pids[2] == pids[3] != pids[1]
        assert os.getpid() not in pids

    async def test_an_experiment_that_was_retired_has_no_suspects(self, tmp_path: Path) -> None:
        """What was a suspect before runs in a batch with others."""
        async with opened("thread", tmp_path) as rig:
            job = job_of(rig, tmp_path, LEAVE)
            await die_together(rig, job)
            await rig.executor.retire(job.experiment)
            result = await run(rig, job, {"x": 1}, {"x": 3}, first=10)
        assert [outcome.metrics for outcome in result.outcomes.values()] == [{"value": 1}, {"value": 3}]
