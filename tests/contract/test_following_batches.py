"""A batch may wait in the process of one that executes: it begins right after that one, never beside it."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from orchestrator.domain.evaluation import Batch, BatchResult
from orchestrator.executors.base import StopSwitch
from tests.support.executors import PATIENCE_SECONDS, Rig, opened, run
from tests.support.workloads import batch, light_main, output

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def quick_spawn() -> Iterator[None]:
    """A fresh process does not import pytest."""
    with light_main():
        yield


@dataclass(slots=True, kw_only=True)
class Pair:
    """A batch that executes until it may go, one behind it, and what came of them."""

    rig: Rig
    leave: Path
    first: Batch
    second: Batch
    stops: tuple[StopSwitch, StopSwitch] = field(default_factory=lambda: (StopSwitch(), StopSwitch()))
    results: dict[str, BatchResult] = field(default_factory=dict)

    async def send(self, name: str, work: Batch, stop: StopSwitch) -> None:
        """Run one of them to its end."""
        self.results[name] = await self.rig.executor.run(work, stop)

    async def let_go(self) -> None:
        """Let the first one end."""
        await to_thread.run_sync(self.leave.write_text, "go")


@asynccontextmanager
async def pair(folder: Path) -> AsyncIterator[Pair]:
    """Both sent, the first one executing. Leaving waits for both results, and for one more evaluation in the same executor."""
    begun, leave = folder / "begun", folder / "leave"
    os.mkfifo(begun)
    os.mkfifo(leave)
    async with opened("process", folder, slots=1) as rig:
        first = batch(rig.workloads.job("waits_for_leave"), {"x": 1, "begun": str(begun), "leave": str(leave)})
        second = replace(batch(rig.workloads.job("prints"), {"x": 2}, {"x": 3}, first=2), behind=first.evaluations[0])
        both = Pair(rig=rig, leave=leave, first=first, second=second)
        with anyio.fail_after(PATIENCE_SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(both.send, "first", both.first, both.stops[0])
                await to_thread.run_sync(begun.read_text, abandon_on_cancel=True)
                assert rig.executor.may_follow(first)
                tasks.start_soon(both.send, "second", both.second, both.stops[1])
                await anyio.wait_all_tasks_blocked()
                yield both
        after = await run(rig, rig.workloads.job("number"), {"x": 5}, first=9)
        assert after.outcomes[0].metrics == {"value": 5}


async def test_it_begins_in_the_same_process_when_the_first_one_is_over(tmp_path: Path) -> None:
    """There is room for one; it starts after the end of the other, and what each prints is its own."""
    async with pair(tmp_path) as both:
        assert not both.rig.executor.may_follow(both.first)
        assert both.results == {}
        await both.let_go()
    first, second = both.results["first"].outcomes[0].usage, both.results["second"].outcomes[0].usage
    assert first.pid == second.pid
    assert (first.finished_us or 0) <= (second.started_us or 0)
    assert [output(both.first.job, variant) for variant in (1, 2, 3)] == ["out 1\n", "out 2\n", "out 3\n"]


async def test_it_has_not_begun_when_the_first_one_is_stopped(tmp_path: Path) -> None:
    """The process is killed with the first one; what waited behind it can be sent again, whole and uncharged."""
    async with pair(tmp_path) as both:
        both.stops[0].press()
    assert both.results == {
        "first": BatchResult(outcomes={}, interrupted=(0,)),
        "second": BatchResult(outcomes={}, unstarted=(0, 1)),
    }


async def test_stopping_it_interrupts_the_first_one(tmp_path: Path) -> None:
    """It cannot be taken back out of the process: the first one is interrupted with it, by nobody's fault."""
    async with pair(tmp_path) as both:
        both.stops[1].press()
    assert both.results == {
        "first": BatchResult(outcomes={}, interrupted=(0,)),
        "second": BatchResult(outcomes={}, unstarted=(0, 1)),
    }


async def test_nothing_follows_where_memory_is_limited(tmp_path: Path) -> None:
    """What a batch leaves in its process is looked at before the next one gets there: it would be held against that one."""
    begun, leave = tmp_path / "begun", tmp_path / "leave"
    os.mkfifo(begun)
    os.mkfifo(leave)
    async with opened("process", tmp_path, slots=1) as rig:
        job = replace(rig.workloads.job("waits_for_leave"), memory_bytes=2**30)
        work = batch(job, {"x": 1, "begun": str(begun), "leave": str(leave)})
        with anyio.fail_after(PATIENCE_SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(rig.executor.run, work, StopSwitch())
                await to_thread.run_sync(begun.read_text, abandon_on_cancel=True)
                assert not rig.executor.may_follow(work)
                await to_thread.run_sync(leave.write_text, "go")


async def test_behind_one_that_is_over_it_finds_its_own_place(tmp_path: Path) -> None:
    """The first one may end while the other is on its way: it then runs as if it had followed nobody."""
    async with opened("process", tmp_path, slots=1) as rig:
        job = rig.workloads.job("number")
        await run(rig, job, {"x": 1})
        work = batch(job, {"x": 2}, first=2)
        late = replace(work, behind=batch(job, {"x": 1}).evaluations[0])
        assert not rig.executor.may_follow(batch(job, {"x": 1}))
        with anyio.fail_after(PATIENCE_SECONDS):
            result = await rig.executor.run(late, StopSwitch())
    assert result.outcomes[0].metrics == {"value": 2}
