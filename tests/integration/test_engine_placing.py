"""Stages that are moved while they run, in real processes and threads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.executors import registry
from orchestrator.worker.usage import ProcessMeter
from tests.support.inline import InlineExecutor, metrics
from tests.support.lab import Lab, open_lab
from tests.support.neighbours import crowded
from tests.support.workloads import light_main

pytestmark = pytest.mark.asyncio

WAITING = "import time\n\ndef evaluate(params):\n    time.sleep(0.15)\n    return params['x']\n"
HERE = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
COMPUTING = """
import time

def evaluate(params):
    until = time.thread_time() + 0.03
    while time.thread_time() < until:
        pass
    return params['x']
"""
ONLY_ALONE = """
import threading, time

def evaluate(params):
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("not made for threads")
    time.sleep(0.15)
    return params['x']
"""
SPACE = {"x": {"low": 1, "high": 16, "step": 1}}


@asynccontextmanager
async def lab_with(folder: Path, model: str) -> AsyncIterator[Lab]:
    """One slot and four threads, and this for `model:evaluate`."""
    (folder / "model.py").write_text(model)
    surroundings = {
        name: registry.Surroundings(folder=folder / name, slots=1, threads=4) for name in ("process", "thread")
    }
    with light_main():
        async with (
            registry.create("process", surroundings["process"]) as process,
            registry.create("thread", surroundings["thread"]) as thread,
            open_lab(folder, {"process": process, "thread": thread}, slots=1, threads=4) as lab,
        ):
            yield lab


async def executors_of(lab: Lab, experiment: int) -> list[str]:
    """Where the last attempt of each iteration ran, in ref order."""
    return [one["executor"] for each in await lab.variants(experiment) for one in each["iterations"]]


async def test_a_stage_that_waits_moves_to_threads_on_record(tmp_path: Path) -> None:
    """It begins in the process; the decision has the share that was measured; the rest runs in threads, four at once; none runs twice."""
    async with lab_with(tmp_path, WAITING) as lab:
        ended = await lab.run(space=SPACE, limits={"max_parallel": 4})
        assert ended["iterations"]["succeeded"] == 16
        used = await executors_of(lab, ended["id"])
        assert (used[0], used[-1]) == ("process", "thread")
        (decision,) = await lab.decisions(ended["id"], "place")
        runs = [one for each in await lab.variants(ended["id"]) for one in each["iterations"]]
        bars = (await lab.report(ended["id"]))["execution"]["timeline"]
    assert [one["attempt"] for one in runs] == [1] * 16, "what is known comes from the evaluations themselves"
    threads = [bar for bar in bars if bar["executor"] == "thread"]
    assert (
        max(
            sum(at["started_seconds"] <= bar["started_seconds"] < at["ended_seconds"] for at in threads)
            for bar in threads
        )
        == 4
    )
    assert decision["result"] == {"stage": "main", "executor": "thread"}
    assert decision["rule"] == "adaptive"
    assert decision["inputs"]["cpu_share"] < 0.25


async def test_a_missing_objective_is_a_failure_wherever_it_runs(tmp_path: Path) -> None:
    """What waits is moved to threads before anybody knows; it fails there as in processes, and nothing is run again and again for that."""
    async with lab_with(tmp_path, WAITING.replace("return params['x']", "return {'other': params['x']}")) as lab:
        for _ in range(2):  # the second begins with what the first has learnt
            ended = await lab.run(space=SPACE, limits={"max_parallel": 4})
            attempts = [one["attempt"] for each in await lab.variants(ended["id"]) for one in each["iterations"]]
            assert (ended["state"], ended["iterations"]["failed"]) == ("failed", 16)
            assert max(attempts) <= 2


async def test_adaptive_runs_as_many_at_once_as_there_are_slots(tmp_path: Path) -> None:
    """From its first evaluation on: three slots, three that wait for each other."""
    gate = anyio.Event()
    executor = InlineExecutor(lambda *_: metrics(value=1.0), gate=gate)
    async with open_lab(tmp_path, executor, slots=3) as lab:
        experiment = await lab.submit(space=SPACE, limits={"max_parallel": 4})
        await lab.started(3)
        gate.set()
        assert (await lab.ended(experiment))["iterations"]["succeeded"] == 16
    assert executor.most_at_once == 3


async def test_hybrid_computes_in_processes_and_waits_in_threads(tmp_path: Path) -> None:
    """Each stage of one experiment where it belongs, once that was measured."""
    (tmp_path / "computing.py").write_text(COMPUTING)
    stages = [
        {"name": "waits", "call": "model:evaluate", "executor": "hybrid"},
        {"name": "computes", "call": "computing:evaluate", "executor": "hybrid"},
    ]
    async with lab_with(tmp_path, WAITING) as lab:
        ended = await lab.run(space=SPACE, stage=stages, limits={"max_parallel": 4})
        runs = [one for each in await lab.variants(ended["id"]) for one in each["iterations"]]
    executors = {name: [one["executor"] for one in runs if one["stage"] == name] for name in ("waits", "computes")}
    assert (ended["state"], len(runs)) == ("succeeded", 32)
    assert executors["waits"].count("thread") > 8
    assert set(executors["computes"]) == {"process"}


async def test_what_computes_on_a_crowded_machine_is_not_taken_for_waiting(tmp_path: Path) -> None:
    """Beside six others on its core it computes for a small part of its time, and still stays in the process, if the kernel counts that."""
    with crowded(6):
        async with lab_with(tmp_path, HERE + COMPUTING) as lab:
            ended = await lab.run(space=SPACE, limits={"max_parallel": 4})
            attempts = [one for each in await lab.variants(ended["id"]) for one in each["iterations"]]
            moves = await lab.decisions(ended["id"], "place")
    walls, cpus = (sum(one[name] for one in attempts) for name in ("wall_seconds", "cpu_seconds"))
    assert cpus < 0.25 * walls, "the neighbours left it too much for the test to say anything"
    assert walls > 1.0
    counted = ProcessMeter().starved_seconds() is not None
    assert (not moves, {one["executor"] for one in attempts} == {"process"}) == (counted, counted)


async def test_code_that_does_not_bear_threads_comes_back_and_nothing_is_lost_by_it(tmp_path: Path) -> None:
    """What failed in threads is run again in the process, uncharged and with its failure on record; all succeed in the end."""
    async with lab_with(tmp_path, ONLY_ALONE) as lab:
        ended = await lab.run(space=SPACE, limits={"max_parallel": 4})
        moves = [each["result"]["executor"] for each in await lab.decisions(ended["id"], "place")]
        used = await executors_of(lab, ended["id"])
        attempts = [one["attempt"] for each in await lab.variants(ended["id"]) for one in each["iterations"]]
    assert moves == ["thread", "process"]
    assert set(used) == {"process"}
    assert (ended["iterations"]["succeeded"], ended["iterations"]["failed"]) == (16, 0)
    assert attempts.count(2) >= 1


async def test_what_fails_everywhere_has_failed(tmp_path: Path) -> None:
    """A failure in threads is looked at in the process once; there it counts, and what comes after is not doubted any more."""
    model = WAITING.replace("return", "if params['x'] >= 12: raise ValueError(params['x'])\n    return")
    async with lab_with(tmp_path, model) as lab:
        ended = await lab.run(space=SPACE, limits={"max_parallel": 4})
    assert (ended["iterations"]["succeeded"], ended["iterations"]["failed"]) == (11, 5)


@pytest.mark.parametrize("executor", ["adaptive", "hybrid"])
async def test_what_decides_by_its_own_measure_stays_where_that_is_measured(tmp_path: Path, executor: str) -> None:
    """With peak memory as the objective nothing is moved, and every evaluation has it."""
    objective: dict[str, Any] = {"metric": "max_rss_bytes", "goal": "minimize"}
    stage = [{"call": "model:evaluate", "executor": executor}]
    async with lab_with(tmp_path, WAITING) as lab:
        ended = await lab.run(space=SPACE, stage=stage, objective=objective, limits={"max_parallel": 4})
        assert (ended["state"], ended["iterations"]["succeeded"]) == ("succeeded", 16)
        assert set(await executors_of(lab, ended["id"])) == {"process"}
        assert await lab.decisions(ended["id"], "place") == []
