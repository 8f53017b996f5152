"""What a slot is: a light process of its own session that dies with the daemon, is found when it dies, and is given up when idle."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from orchestrator.domain.refs import ExperimentId
from orchestrator.domain.states import Cause
from orchestrator.executors import spool
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.local import LocalExecutor
from orchestrator.worker import journal
from tests.support.executors import PATIENCE_SECONDS, Rig, children, opened, run
from tests.support.workloads import batch, light_main, output

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "aiosqlite",
    "anyio",
    "asyncio",
    "ctypes.util",
    "dataclasses",
    "fastapi",
    "hashlib",
    "inspect",
    "pathlib",
    "numpy",
    "pydantic",
    "structlog",
}
DAEMON = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from orchestrator.executors import registry
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.nursery import open_nursery
from tests.support.workloads import Calls, batch

async def main(folder):
    surroundings = registry.Surroundings(folder=folder / "spool", slots=1, threads=1)
    with open_nursery(folder / "nursery"):
        async with registry.create(sys.argv[3], surroundings) as executor:
            await executor.run(batch(Calls(folder).job(sys.argv[4]), {"fifo": str(folder / "fifo")}), StopSwitch())

asyncio.run(main(Path(sys.argv[2])))
"""


@pytest.fixture(autouse=True)
def quick_spawn() -> Iterator[None]:
    """A fresh process does not import pytest."""
    with light_main():
        yield


def daemon(folder: Path, *, executor: str, workload: str) -> "subprocess.Popen[bytes]":
    """A process of its own that runs one workload, as the daemon would."""
    return subprocess.Popen([sys.executable, "-c", DAEMON, str(ROOT), str(folder), executor, workload])


async def metrics_of(rig: Rig, workload: str, *, experiment: int = 1) -> dict[str, float]:
    """The metrics of one evaluation."""
    job = replace(rig.workloads.job(workload), experiment=ExperimentId(experiment))
    result = await run(rig, job, {})
    return dict(result.outcomes[0].metrics or {})


def test_a_fresh_slot_has_nothing_heavy_loaded(tmp_path: Path) -> None:
    """A worker pays for no library of the daemon, and for asyncio only when a workload is asynchronous. It is forked with `hashlib`."""
    with daemon(tmp_path, executor="process", workload="modules") as process:
        assert process.wait(PATIENCE_SECONDS) == 0
    printed = (tmp_path / "runs" / "1" / "1.1.out").read_text()
    used_by_the_workload_itself = {"asyncio", "dataclasses", "inspect"}
    loaded = set(json.loads(printed))
    assert "orchestrator.worker.batch" in loaded
    assert loaded & (HEAVY - used_by_the_workload_itself) == {"hashlib"}
    assert not {name for name in loaded if name.startswith(("orchestrator.executors", "orchestrator.domain"))}


def test_the_workers_own_modules_load_nothing_heavy() -> None:
    """Importing what a slot imports loads neither asyncio nor inspect nor dataclasses."""
    code = "import sys, orchestrator.worker.slot, orchestrator.worker.host; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    assert set(loaded.split()) & HEAVY == set()


@pytest.mark.parametrize("executor", ["process", "thread"])
def test_slots_die_with_a_daemon_that_was_killed(executor: str, tmp_path: Path) -> None:
    """After `kill -9` nothing holds the fifo open any more: the evaluation is dead."""
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(tmp_path / "alive")
    process = daemon(tmp_path, executor=executor, workload="holds_a_fifo")
    with process, (tmp_path / "alive").open() as alive:
        assert alive.readline() == "begun\n"
        process.kill()
        assert alive.read() == ""  # the end of the file comes when the last writer is dead


@pytest.mark.asyncio
class TestSlots:
    async def test_a_slot_is_a_session_of_its_own_and_dies_first(self, tmp_path: Path) -> None:
        """It leads its session, and under memory pressure the kernel prefers it to the daemon."""
        async with opened("process", tmp_path) as rig:
            who = await metrics_of(rig, "who")
        assert who["pid"] == who["session"]
        assert who["oom"] >= 500

    async def test_a_warm_slot_is_used_again_by_its_experiment_only(self, tmp_path: Path) -> None:
        """The same experiment meets the same process, another one never does."""
        async with opened("process", tmp_path) as rig:
            first = await metrics_of(rig, "who")
            assert await metrics_of(rig, "who") == first
            other = await metrics_of(rig, "who", experiment=2)
            assert other["pid"] != first["pid"]

    async def test_idle_slots_give_way(self, tmp_path: Path) -> None:
        """However many experiments there were, there are no more processes than slots and one spare."""
        async with opened("process", tmp_path, slots=2) as rig:
            before = children()
            for experiment in range(1, 6):
                await metrics_of(rig, "who", experiment=experiment)
            await rig.executor.retire(5)
            await rig.executor.retire(4)
            assert len(children() - before) <= 2

    async def test_a_slot_that_dies_while_idle_is_replaced(self, tmp_path: Path) -> None:
        """Somebody kills it; the next batch does not notice."""
        async with opened("process", tmp_path) as rig:
            first = await metrics_of(rig, "who")
            os.kill(int(first["pid"]), signal.SIGKILL)
            result = await run(rig, rig.workloads.job("who"), {})
            if result.unstarted:  # it was sent before its death was known: nothing was begun, it may be sent again
                result = await run(rig, rig.workloads.job("who"), {})
        assert (result.outcomes[0].metrics or {})["pid"] != first["pid"]

    async def test_a_crash_is_seen_though_a_fork_holds_the_pipes(self, tmp_path: Path) -> None:
        """What the evaluation forked dies with it, and the batch ends."""
        async with opened("process", tmp_path) as rig:
            result = await run(rig, rig.workloads.job("crashes_beside_a_fork"), {})
            assert result.outcomes[0].cause is Cause.SIGNALLED

    async def test_what_one_evaluation_spoils_the_next_one_does_not_see(self, tmp_path: Path) -> None:
        """Closed streams are there again, and every attempt has its output."""
        async with opened("process", tmp_path) as rig:
            job = rig.workloads.job("spoils_its_surroundings")
            await run(rig, job, {"x": 1}, {"x": 2})
        assert [output(job, variant) for variant in (1, 2)] == ["spoiled 1\n", "spoiled 2\n"]

    async def test_closed_descriptors_lead_back_to_where_output_is_caught(self, tmp_path: Path) -> None:
        """The next batch's output is its own, and no file of a workload gets it."""
        async with opened("process", tmp_path) as rig:
            closed = await run(rig, rig.workloads.job("closes_its_output"), {})
            job = rig.workloads.job("prints_from_c")
            await run(rig, job, {"x": 2}, first=2)
        assert closed.outcomes[0].metrics == {"value": 1}
        assert sorted((output(job, 2) or "").splitlines()) == ["puts 2", "write"]

    async def test_what_c_code_prints_is_caught(self, tmp_path: Path) -> None:
        """Through the C library and through descriptors, by the attempt that printed it."""
        async with opened("process", tmp_path) as rig:
            job = rig.workloads.job("prints_from_c")
            await run(rig, job, {"x": 1}, {"x": 2})
        for variant in (1, 2):
            assert sorted((output(job, variant) or "").splitlines()) == [f"puts {variant}", "write"]

    async def test_the_output_of_a_running_evaluation_can_be_followed(self, tmp_path: Path) -> None:
        """`live_output` names the files it prints to, as long as it runs."""
        os.mkfifo(tmp_path / "fifo")
        async with opened("process", tmp_path) as rig:
            executor = rig.executor
            assert isinstance(executor, LocalExecutor)
            stop = StopSwitch()
            work = batch(rig.workloads.job("prints_and_waits"), {"fifo": str(tmp_path / "fifo")})
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(executor.run, work, stop)
                await to_thread.run_sync((tmp_path / "fifo").read_text, abandon_on_cancel=True)
                paths = executor.live_output(1, 1, 1, experiment=1)
                assert paths is not None
                assert paths[0].read_text() == "so far\n"
                assert executor.live_output(2, 1, 1, experiment=1) is None
                stop.press()
            assert executor.live_output(1, 1, 1, experiment=1) is None
        assert output(work.job, 1) == "so far\n"

    async def test_the_peak_of_memory_is_that_of_the_evaluation(self, tmp_path: Path) -> None:
        """A small evaluation after a large one in the same process is small again."""
        async with opened("process", tmp_path) as rig:
            result = await run(rig, rig.workloads.job("allocates"), {"megabytes": 200}, {"megabytes": 20})
        large, small = (result.outcomes[position].usage.max_rss_bytes or 0 for position in (0, 1))
        assert large - small > 100 * 1024 * 1024

    async def test_short_evaluations_share_what_they_moved(self, tmp_path: Path) -> None:
        """What is too short to be measured by itself has its part of what the stretch fetched and sent: known, and small."""
        async with opened("process", tmp_path) as rig:
            parameters: list[dict[str, object]] = [{"x": number} for number in range(20)]
            result = await run(rig, rig.workloads.job("number"), *parameters)
        usages = [outcome.usage for outcome in result.outcomes.values()]
        assert len(usages) == 20
        assert all(usage.written_bytes is not None and usage.written_bytes < 1 << 20 for usage in usages)
        assert all(usage.read_bytes is not None for usage in usages)


def test_a_growing_spool_is_trimmed_in_its_middle(tmp_path: Path) -> None:
    """The disk gets back what exceeds the limit; what is kept later is right, with everything counted."""
    path, limit, size = str(tmp_path / "slot"), 64 * 1024, 4 * 1024 * 1024
    out, err = spool.paths_of(path)
    out.write_bytes(b"beginning" + b"x" * size + b"the end")
    err.touch()
    descriptor = journal.create("test")
    spool.trim(path, journal=descriptor, limit_bytes=limit)
    assert out.stat().st_blocks * 512 <= spool.SLACK * limit
    total = spool.keep(path, str(tmp_path / "kept"), journal=descriptor, limit_bytes=limit)
    os.close(descriptor)
    kept = (tmp_path / "kept.out").read_bytes()
    assert total == size + len("beginningthe end")
    assert kept.startswith(b"beginningxxx")
    assert kept.endswith(b"xxxthe end")
    assert b"\0" not in kept
    assert not (tmp_path / "kept.err").exists()
