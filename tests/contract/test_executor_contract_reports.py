"""What every executor owes the engine of what evaluations report while they run."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from orchestrator.domain.evaluation import BatchResult, Job
from orchestrator.domain.outcome import AttemptEnd
from orchestrator.domain.report import Report, Spent
from orchestrator.domain.states import Cause
from orchestrator.executors.base import StopSwitch
from tests.contract.test_executor_contract_time import fifo, told_by
from tests.support.executors import PATIENCE_SECONDS, Rig, expect_every_position_once, opened
from tests.support.scripted import ok, scripted_peer
from tests.support.workloads import batch, light_main

pytestmark = pytest.mark.asyncio

LANES = pytest.mark.parametrize("name", ["process", "sequential", "thread"])
"""The executors that hear reports themselves; from a process of its own they come through the daemon's socket."""


@pytest.fixture(autouse=True)
def quick_spawn() -> Iterator[None]:
    """A fresh process does not import pytest."""
    with light_main():
        yield


class Engine:
    """Hears a batch, and may prune what it hears of."""

    def __init__(self, *, prunes: bool = False) -> None:
        self.heard: list[tuple[int, int]] = []
        self.result: BatchResult | None = None
        self.stop = StopSwitch(self.hear)
        self._prunes = prunes
        self._arrived = anyio.Event()

    def hear(self, position: int, reports: Sequence[Report]) -> None:
        self.heard += [(position, report.step) for report in reports]
        if self._prunes and self.heard[-1][1] > 0:
            self.stop.prune(position)
        self._arrived.set()

    async def until(self, heard: tuple[int, int]) -> None:
        """Return once this has been heard, which must be while the batch runs."""
        while heard not in self.heard:
            self._arrived = anyio.Event()
            await self._arrived.wait()
        assert self.result is None

    async def run(self, rig: Rig, job: Job, *parameters: Mapping[str, object]) -> None:
        self.result = await rig.executor.run(batch(job, *parameters), self.stop)
        expect_every_position_once(self.result, len(parameters))


@LANES
async def test_reports_are_heard_while_the_evaluation_runs(name: str, tmp_path: Path) -> None:
    """In order and each once; what it told of costs comes with its outcome."""
    engine = Engine()
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    async with opened(name, tmp_path) as rig:
        with anyio.fail_after(PATIENCE_SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(engine.run, rig, rig.workloads.job("reports_and_waits"), {"gate": str(gate)})
                await engine.until((0, 2))
                await to_thread.run_sync(gate.write_text, "go on")
    assert engine.heard == [(0, 0), (0, 1), (0, 2)]
    assert engine.result is not None
    outcome = engine.result.outcomes[0]
    assert (outcome.metrics, outcome.spent, outcome.reports) == ({"value": 1}, Spent(0.5, 3), ())


@LANES
async def test_one_that_is_pruned_ends_at_its_next_report(name: str, tmp_path: Path) -> None:
    """It is cancelled, not failed, and measured; its neighbours in the batch are evaluated."""
    engine = Engine(prunes=True)
    async with opened(name, tmp_path) as rig:
        with anyio.fail_after(PATIENCE_SECONDS):
            await engine.run(rig, rig.workloads.job("climbs"), {}, {"act": True}, {})
    assert engine.result is not None
    ends = [engine.result.outcomes[position].end for position in range(3)]
    assert ends == [AttemptEnd.SUCCEEDED, AttemptEnd.CANCELLED, AttemptEnd.SUCCEEDED]
    pruned = engine.result.outcomes[1]
    assert pruned.pruned is not None
    assert (pruned.cause, (pruned.usage.wall_seconds or 0) > 0) == (None, True)
    assert len(engine.heard) < 10_000


@LANES
async def test_what_was_told_before_a_death_is_heard(name: str, tmp_path: Path) -> None:
    """The last report and the cost of an evaluation that is killed at its timeout are known."""
    engine = Engine()
    async with opened(name, tmp_path) as rig:
        job = replace(rig.workloads.job("reports_and_hangs"), timeout_seconds=0.5)
        with anyio.fail_after(PATIENCE_SECONDS):
            await engine.run(rig, job, {})
    assert engine.result is not None
    assert engine.result.outcomes[0].cause is Cause.TIMED_OUT
    assert engine.heard == [(0, 7)]
    assert engine.stop.spent == {0: Spent(0.25, 0)}


@LANES
async def test_thousands_of_reports_are_heard_together(name: str, tmp_path: Path) -> None:
    """Twenty thousand in a second are a few dozen calls, and of them ten thousand and every second one of the rest are heard."""
    calls: list[int] = []
    stop = StopSwitch(lambda _, reports: calls.append(len(reports)))
    async with opened(name, tmp_path) as rig:
        work = batch(rig.workloads.job("reports_a_lot"), {"steps": 20_000})
        with anyio.fail_after(PATIENCE_SECONDS):
            result = await rig.executor.run(work, stop)
    assert result.outcomes[0].end is AttemptEnd.SUCCEEDED
    assert sum(calls) == 15_000
    assert len(calls) < 600


async def test_an_isolated_callable_tells_the_socket_and_is_told(tmp_path: Path) -> None:
    """Its report is answered while it runs; an answer that says so ends it."""
    engine = Engine()
    answer = ok(b'{"pruned": "pruned by threshold"}', status="202 Accepted")
    async with opened("isolated-calls", tmp_path) as rig:
        job = replace(rig.workloads.job("climbs"), socket=str(tmp_path / "socket"))
        with anyio.fail_after(PATIENCE_SECONDS), scripted_peer(tmp_path / "socket", answer) as scripted:
            await engine.run(rig, job, {"act": True})
    assert engine.result is not None
    outcome = engine.result.outcomes[0]
    assert (outcome.end, outcome.pruned is None) == (AttemptEnd.CANCELLED, False)
    assert json.loads(scripted.received[0].partition(b"\r\n\r\n")[2]) == {
        "number": 0,
        "step": 0,
        "metrics": {"loss": 1.0},
        "attempt": 1,
    }


async def test_an_isolated_callable_without_a_daemon_brings_its_reports(tmp_path: Path) -> None:
    """They come with the outcome."""
    engine = Engine()
    async with opened("isolated-calls", tmp_path) as rig:
        with anyio.fail_after(PATIENCE_SECONDS):
            await engine.run(rig, rig.workloads.job("reports_a_lot"), {"steps": 5})
    assert engine.result is not None
    assert [report.step for report in engine.result.outcomes[0].reports] == [0, 1, 2, 3, 4]


async def test_a_command_that_is_pruned_is_killed_and_measured(tmp_path: Path) -> None:
    """One behind it in the batch that is pruned too never begins."""
    engine = Engine()
    async with opened("isolated", tmp_path) as rig, anyio.create_task_group() as tasks:
        job = rig.workloads.job("waits")
        with anyio.fail_after(PATIENCE_SECONDS):
            tasks.start_soon(engine.run, rig, job, {"fifo": fifo(tmp_path)}, {"fifo": os.devnull})
            await told_by(tmp_path)
            engine.stop.prune(0)
            engine.stop.prune(1)
    assert engine.result is not None
    outcome = engine.result.outcomes[0]
    assert (outcome.end, (outcome.usage.wall_seconds or 0) > 0) == (AttemptEnd.CANCELLED, True)
    assert engine.result.unstarted == (1,)
