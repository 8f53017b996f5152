"""Isolated work outlives the daemon: whoever is killed, and whenever, each attempt is executed once and its end is told once."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.evaluation import Batch, BatchResult, Kept
from orchestrator.domain.outcome import AttemptEnd
from orchestrator.domain.states import Cause
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.isolated import IsolatedExecutor
from orchestrator.executors.keeper_connection import wait_for_end
from orchestrator.executors.outliving import LetGo
from orchestrator.locks import ProcessIdentity, identity_of
from tests.support.commands import alive, batch_of, evaluation_of, isolated, job_of, keepers_about, only, pids_in
from tests.support.processes import kill_all_about

pytestmark = pytest.mark.asyncio

ROOT = Path(__file__).parents[2]
KEPT = Kept(12, 3, 1, 1)
LONG = "echo $$ >> pids; echo before; echo x > ready; read -r _ < go; echo '{{\"x\": 5}}'"
DAEMON = """
import sys
from dataclasses import replace
from pathlib import Path
import asyncio
from orchestrator.executors.base import StopSwitch
from tests.support.commands import batch_of, isolated, job_of

async def main() -> None:
    folder = Path(sys.argv[1])
    async with isolated(folder) as executor:
        await executor.run(replace(batch_of(job_of(folder, sys.argv[2])), waited=(1.5,)), StopSwitch())

asyncio.run(main())
"""
"""A daemon as far as the keeper can see: it runs one command, that has waited 1.5 s for it, and waits for its end."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the command waits: `ready` is written to when it runs, `go` lets it end."""
    (tmp_path / "work").mkdir()
    os.mkfifo(tmp_path / "work" / "ready")
    os.mkfifo(tmp_path / "work" / "go")
    return tmp_path


def start(folder: Path) -> "subprocess.Popen[bytes]":
    """A daemon in a process of its own."""
    return subprocess.Popen([sys.executable, "-c", DAEMON, str(folder), LONG], cwd=ROOT)


@asynccontextmanager
async def daemon(folder: Path) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """A daemon whose command runs; nothing of either is left afterwards."""
    process = start(folder)
    try:
        await anyio.to_thread.run_sync((folder / "work" / "ready").read_bytes)
        yield process
    finally:
        process.kill()
        process.wait()
        kill_all_about(str(folder))


def kill(process: "subprocess.Popen[bytes]") -> None:
    """kill -9, and it is gone."""
    process.kill()
    process.wait()


def let_it_end(folder: Path) -> None:
    """The command goes on, without anybody waiting for it."""
    with (folder / "work" / "go").open("w", encoding="ascii") as file:
        file.write("\n")


async def adopted(executor: IsolatedExecutor, batch: Batch) -> BatchResult:
    """What comes of the survivor."""
    with anyio.fail_after(20):
        return await executor.adopt(batch, StopSwitch())


def batch(folder: Path) -> Batch:
    """What the daemon has sent, as the next one knows it."""
    return batch_of(job_of(folder, LONG))


async def test_the_next_daemon_is_told_of_what_runs_and_hears_its_end(folder: Path) -> None:
    """After kill -9 of the daemon the command goes on in the same process; its result, output and usage are whole, its wait too."""
    async with daemon(folder) as process:
        kill(process)
        async with isolated(folder) as executor:
            assert await executor.survivors() == [[KEPT]]
            (pid,) = pids_in(folder / "work" / "pids")
            assert alive(pid)
            let_it_end(folder)
            result = await adopted(executor, batch(folder))
            executor.recorded(result.receipt)
    outcome = only(result)
    assert (outcome.end, outcome.metrics, outcome.usage.pid) == (AttemptEnd.SUCCEEDED, {"x": 5.0}, pid)
    assert outcome.usage.queue_seconds == 1.5
    assert (folder / "runs/12/3/1.1.out").read_text(encoding="utf-8") == 'before\n{"x": 5}\n'
    assert list((folder / "isolated").iterdir()) == []


async def test_an_end_that_no_daemon_heard_is_told_to_the_next_until_it_is_on_record(folder: Path) -> None:
    """It ended while there was no daemon, and the keeper has left since; a daemon that dies before it recorded the end is told again."""
    async with daemon(folder) as process:
        (keeper,) = keepers_about(folder)
        identity = identity_of(keeper)
        assert identity is not None
        kill(process)
        let_it_end(folder)
        assert await wait_for_end(identity, seconds=20), "the keeper stays although it has neither work nor a daemon"
        for _ in range(2):
            async with isolated(folder) as executor:
                assert await executor.survivors() == [[KEPT]]
                result = await adopted(executor, batch(folder))
                assert only(result).metrics == {"x": 5.0}
                executor.let_go()
        async with isolated(folder) as executor:
            assert await executor.survivors() == [[KEPT]]
            executor.recorded((await adopted(executor, batch(folder))).receipt)
        async with isolated(folder) as executor:
            assert await executor.survivors() == []
    assert len(pids_in(folder / "work" / "pids")) == 1


async def test_what_was_under_a_keeper_that_was_killed_with_its_daemon_is_killed_by_the_next(folder: Path) -> None:
    """It is no survivor: its process is dead, what it had printed is kept, and nothing of it is remembered."""
    async with daemon(folder) as process:
        (keeper,) = keepers_about(folder)
        os.kill(keeper, signal.SIGSTOP)
        kill(process)
        os.kill(keeper, signal.SIGKILL)
        (pid,) = pids_in(folder / "work" / "pids")
        assert alive(pid)
        async with isolated(folder) as executor:
            assert await executor.survivors() == []
            assert not alive(pid)
        assert list((folder / "isolated").iterdir()) == []
    assert (folder / "runs/12/3/1.1.out").read_text(encoding="utf-8") == "before\n"


async def test_a_script_whose_keeper_was_killed_gets_to_none_of_its_next_lines(folder: Path) -> None:
    """Its successor kills the script and what it waits for so that the loop does not go on for an instant, subshells neither."""
    loop = (
        "(sleep 600; echo after >> trace) & echo x > ready; for n in 1 2 3; do sleep 600; echo after$n >> trace; done"
    )
    async with isolated(folder) as executor, anyio.create_task_group() as tasks:
        results: list[BatchResult] = []

        async def run() -> None:
            results.append(await executor.run(batch_of(job_of(folder, loop)), StopSwitch()))

        tasks.start_soon(run)
        await anyio.to_thread.run_sync((folder / "work" / "ready").read_bytes)
        (keeper,) = keepers_about(folder)
        os.kill(keeper, signal.SIGKILL)
    assert only(results[0]).cause is Cause.WORKER_LOST
    assert not (folder / "work" / "trace").exists()


async def test_after_a_reboot_nothing_is_taken_for_what_ran_before(folder: Path) -> None:
    """A journal of another boot: whatever has that pid or that mark now is not touched, and there is no survivor."""
    async with daemon(folder) as process:
        (keeper,) = keepers_about(folder)
        kill(process)
        os.kill(keeper, signal.SIGKILL)
        journal = folder / "isolated" / "journal"
        first, _, rest = journal.read_text(encoding="ascii").partition("\n")
        boot = (Path("/proc/sys/kernel/random/boot_id")).read_text(encoding="ascii").strip()
        journal.write_text(first.replace(boot, "another boot") + "\n" + rest, encoding="ascii")
        async with isolated(folder) as executor:
            assert await executor.survivors() == []
            assert alive(*pids_in(folder / "work" / "pids")), "a process of this boot was taken for one of another"


async def test_a_survivor_can_be_stopped_or_disowned(folder: Path) -> None:
    """Pressing the switch kills it; so does saying that nobody waits for it."""
    for end in ("stop", "disown"):
        (folder / "work" / "pids").unlink(missing_ok=True)
        async with daemon(folder) as process:
            kill(process)
            async with isolated(folder) as executor:
                assert await executor.survivors() == [[KEPT]]
                if end == "stop":
                    stop = StopSwitch()
                    stop.press()
                    assert (await executor.adopt(batch(folder), stop)).interrupted == (0,)
                else:
                    await executor.disown([KEPT])
                assert not alive(*pids_in(folder / "work" / "pids"))
            async with isolated(folder) as executor:
                assert await executor.survivors() == []


async def test_a_daemon_that_lets_go_leaves_at_once_and_the_work_goes_on(folder: Path) -> None:
    """`run` raises LetGo; the keeper is found again, and stays the same process."""
    async with isolated(folder) as executor, anyio.create_task_group() as tasks:

        async def run() -> None:
            with pytest.raises(LetGo):
                await executor.run(batch(folder), StopSwitch())

        tasks.start_soon(run)
        await anyio.to_thread.run_sync((folder / "work" / "ready").read_bytes)
        executor.let_go()
    keepers = keepers_about(folder)
    async with isolated(folder) as executor:
        assert await executor.survivors() == [[KEPT]]
        assert keepers_about(folder) == keepers
        let_it_end(folder)
        assert only(await adopted(executor, batch(folder))).metrics == {"x": 5.0}


async def test_a_timeout_is_kept_while_there_is_no_daemon(folder: Path) -> None:
    """Nobody is there to see it: the command is killed in time, and the next daemon hears that it was."""
    job = job_of(folder, LONG, timeout_seconds=0.5)
    async with isolated(folder) as executor, anyio.create_task_group() as tasks:

        async def run() -> None:
            with pytest.raises(LetGo):
                await executor.run(batch_of(job), StopSwitch())

        tasks.start_soon(run)
        await anyio.to_thread.run_sync((folder / "work" / "ready").read_bytes)
        executor.let_go()
    (pid,) = pids_in(folder / "work" / "pids")
    identity = identity_of(pid)
    assert identity is None or await wait_for_end(identity, seconds=5)
    async with isolated(folder) as executor:
        assert await executor.survivors() == [[KEPT]]
        assert only(await adopted(executor, batch_of(job))).cause is Cause.TIMED_OUT


async def test_what_waits_behind_a_survivor_is_executed_and_told_with_it(folder: Path) -> None:
    """A batch is one survivor: its evaluations stay in order, one after the other."""
    job = job_of(folder, "echo x > ready; read -r _ < go; exit 0")
    members = [evaluation_of(iteration=number) for number in (1, 2)]
    async with isolated(folder) as executor, anyio.create_task_group() as tasks:

        async def run() -> None:
            with pytest.raises(LetGo):
                await executor.run(batch_of(job, *members), StopSwitch())

        tasks.start_soon(run)
        await anyio.to_thread.run_sync((folder / "work" / "ready").read_bytes)
        executor.let_go()
    async with isolated(folder) as executor:
        assert await executor.survivors() == [[KEPT, KEPT._replace(iteration=2)]]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, let_both_end, folder)
            result = await adopted(executor, batch_of(job, *members))
    assert [outcome.end for outcome in result.outcomes.values()] == [AttemptEnd.SUCCEEDED] * 2


def let_both_end(folder: Path) -> None:
    """The first goes on, the second begins, and goes on."""
    let_it_end(folder)
    (folder / "work" / "ready").read_bytes()
    let_it_end(folder)


async def test_a_keeper_with_neither_work_nor_a_daemon_leaves_within_a_second(tmp_path: Path) -> None:
    """And leaves nothing behind."""
    async with isolated(tmp_path) as executor:
        await executor.prepare(job_of(tmp_path, ["true"]))
        (keeper,) = keepers_about(tmp_path)
        identity = identity_of(keeper)
        assert isinstance(identity, ProcessIdentity)
        executor._keepers.part()
        assert await wait_for_end(identity, seconds=1.0)
        assert list((tmp_path / "isolated").iterdir()) == []
