"""What every executor owes the engine in time: hangs end, stopping and cancelling are complete, neighbours are named."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from orchestrator.domain.evaluation import BatchResult
from orchestrator.domain.outcome import AttemptEnd
from orchestrator.domain.states import Cause
from orchestrator.executors.base import StopSwitch
from tests.support.commands import alive, pids_in
from tests.support.executors import EACH, PATIENCE_SECONDS, children, expect_a_death, open_files, opened, run
from tests.support.processes import processes_about
from tests.support.workloads import batch, light_main


@pytest.fixture(autouse=True)
def quick_spawn() -> Iterator[None]:
    """A fresh process does not import pytest."""
    with light_main():
        yield


@pytest.mark.asyncio
class TestTime:
    @EACH
    async def test_a_hang_is_ended_at_its_timeout(self, name: str, tmp_path: Path) -> None:
        """A loop that ignores SIGTERM is `timed_out`; what came before it is finished, and the executor goes on working."""
        async with opened(name, tmp_path) as rig:
            job = replace(rig.workloads.job("hangs"), timeout_seconds=1.0)
            result = await run(rig, job, {}, {"act": True}, {})
            text = expect_a_death(result, Cause.TIMED_OUT)
            assert "1 s" in text
            assert 1.0 <= (result.outcomes[1].usage.wall_seconds or 0) < 10.0
            after = await run(rig, rig.workloads.job("number"), {"x": 5})
        assert after.outcomes[0].metrics == {"value": 5}

    @EACH
    async def test_the_children_of_an_evaluation_die_with_it(self, name: str, tmp_path: Path) -> None:
        """At a timeout the whole tree dies, also what left the session and lost its parent."""
        pids = tmp_path / "pids"
        async with opened(name, tmp_path) as rig:
            job = replace(rig.workloads.job("has_children"), timeout_seconds=1.0)
            result = await run(rig, job, {"pids": str(pids)})
            assert result.outcomes[0].cause is Cause.TIMED_OUT
            assert [pid for pid in pids_in(pids) if alive(pid)] == []

    @EACH
    async def test_a_bounded_fork_bomb_leaves_nothing(self, name: str, tmp_path: Path) -> None:
        """A hundred processes in forty sessions, started by each other, are gone at the timeout."""
        pids = tmp_path / "pids"
        async with opened(name, tmp_path) as rig:
            job = replace(rig.workloads.job("bombs"), timeout_seconds=2.0)
            result = await run(rig, job, {"pids": str(pids)})
            assert result.outcomes[0].cause is Cause.TIMED_OUT
            started = pids_in(pids)
            assert len(started) > 60
            assert [pid for pid in started if alive(pid)] == []

    @EACH
    async def test_a_batch_that_is_stopped_is_dead_when_it_returns(self, name: str, tmp_path: Path) -> None:
        """The finished keeps its outcome, what executed is interrupted, the rest is unstarted."""
        async with opened(name, tmp_path) as rig:
            stop = StopSwitch()
            results = []

            async def stopped() -> None:
                work = batch(rig.workloads.job("waits"), {"fifo": fifo(tmp_path)}, {"fifo": "never"})
                results.append(await rig.executor.run(work, stop))

            with anyio.fail_after(PATIENCE_SECONDS):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(stopped)
                    await told_by(tmp_path)
                    stop.press()
                    stop.press()
        assert results == [BatchResult(outcomes={}, interrupted=(0,), unstarted=(1,))]

    @EACH
    async def test_a_batch_that_was_stopped_before_never_begins(self, name: str, tmp_path: Path) -> None:
        """With the switch pressed everything is unstarted."""
        async with opened(name, tmp_path) as rig:
            stop = StopSwitch()
            stop.press()
            work = batch(rig.workloads.job("number"), {}, {})
            result = await rig.executor.run(work, stop)
        assert result == BatchResult(outcomes={}, unstarted=(0, 1))

    @EACH
    async def test_a_cancelled_batch_is_dead_when_the_cancelling_is_over(self, name: str, tmp_path: Path) -> None:
        """Cancelling the task is enough; the executor works afterwards."""
        async with opened(name, tmp_path) as rig:
            with anyio.fail_after(PATIENCE_SECONDS):
                async with anyio.create_task_group() as tasks:
                    work = batch(rig.workloads.job("waits"), {"fifo": fifo(tmp_path)})
                    tasks.start_soon(rig.executor.run, work, StopSwitch())
                    await told_by(tmp_path)
                    tasks.cancel_scope.cancel()
            after = await run(rig, rig.workloads.job("number"), {"x": 5})
        assert after.outcomes[0].metrics == {"value": 5}

    @EACH
    async def test_a_neighbour_of_a_hang_is_spared_or_interrupted(self, name: str, tmp_path: Path) -> None:
        """With `can_kill` a batch beside a hang goes on; without, it is interrupted and can be sent again."""
        async with opened(name, tmp_path) as rig:
            if rig.executor.abilities.width == 1:
                assert rig.executor.abilities.can_kill
                return
            stop = StopSwitch()
            results: dict[str, BatchResult] = {}

            async def neighbour() -> None:
                work = batch(rig.workloads.job("waits"), {"fifo": fifo(tmp_path)})
                results["neighbour"] = await rig.executor.run(work, stop)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(neighbour)
                await told_by(tmp_path)
                hang = replace(rig.workloads.job("hangs"), timeout_seconds=0.5)
                results["hang"] = await run(rig, hang, {"act": True})
                if rig.executor.abilities.can_kill:
                    assert "neighbour" not in results
                    stop.press()
        assert results["hang"].outcomes[0].cause is Cause.TIMED_OUT
        assert results["neighbour"] == BatchResult(outcomes={}, interrupted=(0,))

    @EACH
    async def test_batches_run_at_one_instant_as_far_as_the_width_allows(self, name: str, tmp_path: Path) -> None:
        """Two evaluations that wait for each other both end, unless the executor runs one at a time."""
        async with opened(name, tmp_path) as rig:
            alone = rig.executor.abilities.width == 1
            job = replace(rig.workloads.job("number" if alone else "meets"), timeout_seconds=20.0)
            ends = []

            async def one(end: str) -> None:
                result = await run(rig, job, {"fifo": fifo(tmp_path), "end": end})
                ends.append(result.outcomes[0].end)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(one, "r")
                tasks.start_soon(one, "w")
        assert ends == [AttemptEnd.SUCCEEDED, AttemptEnd.SUCCEEDED]

    @EACH
    async def test_nothing_is_left_behind(self, name: str, tmp_path: Path) -> None:
        """After the `async with`, also after crashes and hangs, processes, descriptors and files are what they were before."""
        async with opened(name, tmp_path / "first") as rig:
            await run(rig, rig.workloads.job("number"), {})
        before = children(), open_files()
        async with opened(name, tmp_path / "second") as rig:
            await run(rig, rig.workloads.job("number"), {})
            await run(rig, rig.workloads.job("crashes"), {"act": True})
            await run(rig, replace(rig.workloads.job("hangs"), timeout_seconds=0.2), {"act": True})
            await run(rig, rig.workloads.job("number"), {})
            assert (children() - before[0]) or processes_about(str(tmp_path / "second"))
        assert (children(), open_files()) == before
        assert processes_about(str(tmp_path)) == {}
        assert not (tmp_path / "second" / "spool").exists() or name.startswith("isolated")


def fifo(folder: Path) -> str:
    """A fifo in which an evaluation tells that it has begun."""
    path = folder / "fifo"
    if not path.exists():
        os.mkfifo(path)
    return str(path)


async def told_by(folder: Path) -> None:
    """Return when the evaluation has told."""
    text = await to_thread.run_sync(Path(fifo(folder)).read_text, abandon_on_cancel=True)
    assert text == "begun\n"
