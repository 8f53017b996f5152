"""What each kill in the middle leads to: `docs/kills.md`, line by line, with real processes killed at that instant."""

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.evaluation import Batch, BatchResult, Kept
from orchestrator.domain.states import Cause
from orchestrator.errors import OrchestratorError
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.isolated import IsolatedExecutor
from tests.support.commands import alive, batch_of, job_of, pids_in
from tests.support.daemon_process import daemon
from tests.support.processes import kill_all_about, processes_about

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30.0
KEPT = Kept(12, 3, 1, 1)
COMMAND = "echo $$ >> pids; echo '{{\"x\": 5}}'"
ONCE = [("succeeded", None)]


@pytest.mark.parametrize(
    ("point", "attempts"),
    [
        ("daemon before it commits the start", ONCE),
        ("daemon after the commit, before it sends", [("failed", "worker_lost"), ("succeeded", None)]),
        ("daemon after it has sent", ONCE),
        ("daemon before it commits the end", ONCE),
        ("daemon after that commit, before it acknowledges", ONCE),
    ],
)
def test_whenever_the_daemon_is_killed_the_command_is_executed_once(
    private_places: Path, point: str, attempts: list[tuple[str, str | None]]
) -> None:
    """The next daemon ends the experiment; an attempt that never began is lost, uncharged. Nothing is left in the keeper's folder."""
    state = private_places / "state"
    stage = {"command": ["sh", "-c", COMMAND], "workdir": str(private_places)}
    with daemon(state, program=("tests.support.dying", point)) as first:
        with suppress(OrchestratorError):  # it may die before it has answered
            first.client.submit({"name": "short", "stage": stage, "space": {"x": [1]}})
        assert first.process.wait(PATIENCE_SECONDS) == -9
        with daemon(state) as second:
            assert second.client.experiment("1").wait(timeout_seconds=PATIENCE_SECONDS)["state"] == "succeeded"
            found = second.client.part("1.1.1").document()["attempts"]
            assert [(one["end"], one["cause"]) for one in found] == attempts
            assert len(pids_in(private_places / "pids")) == 1
            second.process.terminate()
            assert second.end() == 0
        assert list((state / "work/isolated").iterdir()) == []


LOST = Cause.WORKER_LOST
NEVER = "unstarted"
AT_MOST_ONCE = (0, 1)
KEEPER_POINTS = pytest.mark.parametrize(
    ("point", "end", "runs"),
    [
        ("keeper before it writes down what was sent", NEVER, (0,)),
        ("keeper after that, before it writes down the beginning", NEVER, (0,)),
        ("keeper before the birth", LOST, (0,)),
        ("keeper after the birth", LOST, AT_MOST_ONCE),
        ("keeper before it writes down the end", LOST, (1,)),
        ("keeper after that, before it tells", None, (1,)),
    ],
)


@contextmanager
def dying_keeper(folder: Path, point: str) -> Iterator[tuple[Path, "subprocess.Popen[bytes]"]]:
    """A keeper as a service manager starts it, and its door, which is closed once it has died."""
    door = folder / "door"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(door))
        listener.listen()
        number = listener.fileno()
        command = [sys.executable, "-m", "tests.support.dying", point, str(number)]
        keeper = subprocess.Popen(command, cwd=ROOT, pass_fds=[number])
    try:
        yield door, keeper
    finally:
        keeper.kill()
        keeper.wait()
        kill_all_about(str(folder))


@pytest.mark.asyncio
@KEEPER_POINTS
async def test_whenever_the_keeper_is_killed_the_daemon_knows_what_came_of_it(
    tmp_path: Path, point: str, end: object, runs: tuple[int, ...]
) -> None:
    """What never began may be sent again; what may have begun is lost, and dead; an end that was written down counts."""
    with dying_keeper(tmp_path, point) as (door, keeper):
        async with opened(tmp_path, door) as executor:
            with anyio.fail_after(PATIENCE_SECONDS):
                result = await executor.run(one(tmp_path), StopSwitch())
            assert keeper.wait() == -9
            expect(result, end, tmp_path, runs)


@pytest.mark.asyncio
@KEEPER_POINTS
async def test_when_the_daemon_is_killed_too_the_next_one_is_told_of_ends_alone(
    tmp_path: Path, point: str, end: object, runs: tuple[int, ...]
) -> None:
    """An end that was written down counts; of the rest nothing runs and nothing is said: the daemon loses it uncharged."""
    with dying_keeper(tmp_path, point) as (door, keeper):
        both = start_daemon(tmp_path, door)
        assert await anyio.to_thread.run_sync(keeper.wait) == -9
        both.kill()
        both.wait()
        async with opened(tmp_path, None) as executor:
            if end is not None:
                assert await executor.survivors() == []
                expect_runs(tmp_path, runs)
                return
            assert await executor.survivors() == [[KEPT]]
            with anyio.fail_after(PATIENCE_SECONDS):
                expect(await executor.adopt(one(tmp_path), StopSwitch()), end, tmp_path, runs)


@pytest.mark.asyncio
async def test_an_end_that_a_keeper_could_not_forget_is_forgotten_by_the_next(tmp_path: Path) -> None:
    """It was on record: whoever finds it again has it forgotten, and the folder is left empty."""
    with dying_keeper(tmp_path, "keeper before it forgets") as (door, keeper):
        async with opened(tmp_path, door) as executor:
            result = await executor.run(one(tmp_path), StopSwitch())
            executor.recorded(result.receipt)
            await anyio.to_thread.run_sync(keeper.wait)
            again = await executor.run(batch_of(job_of(tmp_path, ["true"])), StopSwitch())
            assert set(again.outcomes) == {0}
            executor.recorded(again.receipt)
            executor.let_go()
        assert list((tmp_path / "isolated").iterdir()) == []


@asynccontextmanager
async def opened(folder: Path, door: Path | None) -> AsyncIterator[IsolatedExecutor]:
    """An executor whose first keeper is the one behind the door."""
    async with IsolatedExecutor(folder / "isolated", managed_keeper=door) as executor:
        yield executor


def one(folder: Path) -> Batch:
    """The one command."""
    return batch_of(job_of(folder, COMMAND))


def expect(result: BatchResult, end: object, folder: Path, runs: tuple[int, ...]) -> None:
    """The end of the one evaluation, and how often its command ran."""
    expect_runs(folder, runs)
    if end is NEVER:
        assert result.unstarted == (0,)
    else:
        assert result.outcomes[0].cause is end
        assert result.outcomes[0].metrics == (None if end else {"x": 5.0})


def expect_runs(folder: Path, runs: tuple[int, ...]) -> None:
    """How often the command ran; nothing of it is alive."""
    trace = folder / "work/pids"
    pids = pids_in(trace) if trace.exists() else []
    assert len(pids) in runs
    assert [pid for pid in pids if alive(pid)] == []
    assert not any("sh -c" in command for command in processes_about(str(folder)).values())


DAEMON = """
import asyncio, sys
from pathlib import Path
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.isolated import IsolatedExecutor
from tests.support.commands import batch_of, job_of

async def main() -> None:
    folder = Path(sys.argv[1])
    async with IsolatedExecutor(folder / "isolated", managed_keeper=Path(sys.argv[2])) as executor:
        await executor.run(batch_of(job_of(folder, sys.argv[3])), StopSwitch())
        await asyncio.sleep(3600)

asyncio.run(main())
"""


def start_daemon(folder: Path, door: Path) -> "subprocess.Popen[bytes]":
    """A daemon as far as a keeper can see, which records nothing."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", DAEMON, str(folder), str(door), COMMAND], cwd=ROOT, env=environment)
