"""What every executor owes the engine in memory: a limit is held over the whole process tree, or refused before anything begins."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.evaluation import BatchResult, Job
from orchestrator.domain.outcome import AttemptEnd, Outcome
from orchestrator.domain.states import Cause
from orchestrator.errors import ExecutorUnusable
from orchestrator.executors.base import StopSwitch
from tests.contract.test_executor_contract_time import fifo, told_by
from tests.support.executors import EACH, MEMBERS, Rig, opened, run
from tests.support.workloads import batch, light_main

MEBIBYTE = 2**20
LIMIT_BYTES = 256 * MEBIBYTE

BOUNDING = pytest.mark.parametrize("name", sorted(set(MEMBERS) - {"thread"}))


@pytest.fixture(autouse=True)
def quick_spawn() -> Iterator[None]:
    """A fresh process does not import pytest."""
    with light_main():
        yield


def bounded(rig: Rig, name: str = "hoards") -> Job:
    return replace(rig.workloads.job(name), memory_bytes=LIMIT_BYTES)


async def one(rig: Rig, way: str) -> Outcome:
    """What comes of one evaluation that hoards in this way."""
    result = await run(rig, bounded(rig), {"way": way})
    return result.outcomes[0]


@EACH
@pytest.mark.asyncio
async def test_a_limit_is_held_or_refused(name: str, tmp_path: Path) -> None:
    """What cannot hold it refuses the job with no evaluation begun; the others let a small one pass."""
    async with opened(name, tmp_path) as rig:
        assert rig.executor.abilities.bounds_memory == (name != "thread")
        if rig.executor.abilities.bounds_memory:
            assert (await one(rig, "not at all")).metrics == {"value": 1}
        else:
            with pytest.raises(ExecutorUnusable):
                await one(rig, "not at all")


@pytest.mark.asyncio
class TestMemory:
    @BOUNDING
    async def test_what_holds_too_much_is_out_of_memory(self, name: str, tmp_path: Path) -> None:
        """It dies near its limit, is told both numbers, and carries its peak; what is behind it in the batch can run again."""
        async with opened(name, tmp_path) as rig:
            result = await run(rig, bounded(rig), {}, {"way": "slowly"}, {})
            after = await run(rig, bounded(rig), {}, first=5)
        hoarder = result.outcomes[1]
        assert (hoarder.end, hoarder.cause) == (AttemptEnd.FAILED, Cause.OUT_OF_MEMORY)
        assert "more than its limit of 256 MiB" in (hoarder.error or "")
        assert LIMIT_BYTES < (hoarder.usage.max_rss_bytes or 0) < 3 * LIMIT_BYTES
        assert result.outcomes[0].end is AttemptEnd.SUCCEEDED
        assert result.unstarted in {(), (2,)}
        assert after.outcomes[0].end is AttemptEnd.SUCCEEDED

    @BOUNDING
    async def test_neighbours_finish_untouched(self, name: str, tmp_path: Path) -> None:
        """What runs beside a hoarder goes on until somebody stops it."""
        async with opened(name, tmp_path) as rig:
            if rig.executor.abilities.width == 1:
                assert rig.executor.abilities.isolates_crashes
                return
            stop = StopSwitch()
            results: list[BatchResult] = []

            async def neighbour() -> None:
                work = batch(bounded(rig, "waits"), {"fifo": fifo(tmp_path)}, first=9)
                results.append(await rig.executor.run(work, stop))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(neighbour)
                await told_by(tmp_path)
                assert (await one(rig, "slowly")).cause is Cause.OUT_OF_MEMORY
                assert results == []
                stop.press()
        assert (results[0].outcomes, results[0].interrupted) == ({}, (0,))

    @BOUNDING
    async def test_all_processes_count_together(self, name: str, tmp_path: Path) -> None:
        """Four children below the limit are above it together, and all of them die."""
        async with opened(name, tmp_path) as rig:
            outcome = await one(rig, "children")
        assert outcome.cause is Cause.OUT_OF_MEMORY
        assert (outcome.usage.max_rss_bytes or 0) > LIMIT_BYTES

    @BOUNDING
    async def test_pages_that_are_shared_count_once(self, name: str, tmp_path: Path) -> None:
        """A process that was forked and has written nothing needs no memory of its own."""
        async with opened(name, tmp_path) as rig:
            outcome = await one(rig, "shares")
        assert (outcome.end, outcome.error) == (AttemptEnd.SUCCEEDED, None)

    @BOUNDING
    async def test_far_too_much_at_once_is_refused_by_the_kernel(self, name: str, tmp_path: Path) -> None:
        """A MemoryError under a limit is out of memory, with the limit in its text and the traceback behind it."""
        async with opened(name, tmp_path) as rig:
            outcome = await one(rig, "at once")
        assert outcome.cause is Cause.OUT_OF_MEMORY
        assert (outcome.error or "").startswith(
            "it asked for more memory at once than its limit of 256 MiB leaves room"
        )
        assert "MemoryError" in (outcome.error or "")

    @BOUNDING
    async def test_c_code_that_keeps_the_interpreter_s_lock_is_seen(self, name: str, tmp_path: Path) -> None:
        """One call that fills 4 GiB without letting any Python code run is ended long before."""
        async with opened(name, tmp_path) as rig:
            outcome = await one(rig, "in C")
        assert outcome.cause is Cause.OUT_OF_MEMORY
        assert (outcome.usage.max_rss_bytes or 0) < 2**31

    @BOUNDING
    async def test_nobody_pays_for_what_others_have_left(self, name: str, tmp_path: Path) -> None:
        """Twelve evaluations that each leave 40 MiB behind succeed under 256: a swollen process is not used again."""
        counts = []
        async with opened(name, tmp_path, slots=1) as rig:
            for number in range(12):
                result = await run(rig, bounded(rig, "leaves_memory"), {}, first=number + 1)
                counts.append((result.outcomes[0].metrics or {}).get("value", 0))
        assert min(counts) == 1
        assert max(counts) < 6
