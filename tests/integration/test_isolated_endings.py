"""However a command ends, nothing of it is alive afterwards: timeouts, stops, cancellation, what it left behind, a dead keeper."""

import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.evaluation import BatchResult
from orchestrator.domain.outcome import AttemptEnd
from orchestrator.domain.states import Cause
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.isolated import IsolatedExecutor
from tests.support.commands import alive, batch_of, evaluation_of, isolated, job_of, keepers_about, only, pids_in

pytestmark = pytest.mark.asyncio

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for session in range(2):
    if os.fork() == 0:
        os.setsid()
        os.environ.clear()
        break
with open("pids", "a") as file:
    file.write(f"{os.getpid()}\\n")
with open("ready", "w") as fifo:
    fifo.write("x")
time.sleep(600)
"""
"""A program that ignores SIGTERM, as do its two children, which have sessions of their own; each tells its pid, then `ready`."""

DAEMON = """
import os, sys, time
if os.fork():
    os.wait()
    sys.exit(0)
os.setsid()
if os.fork():
    os._exit(0)
for descriptor in range(3, 256):
    try:
        os.close(descriptor)
    except OSError:
        pass
os.execve(sys.executable, [sys.executable, "-S", "-c",
    "import os, time; open('pids', 'a').write(f'{os.getpid()}\\\\n'); open('ready', 'w').write('x'); time.sleep(600)"], {})
"""
"""A daemon by the book: forked twice, its own session, no descriptors, no environment."""


def python(program: str) -> list[str]:
    """The command that runs a program of the tests, whose braces are no placeholders."""
    return [sys.executable, "-S", "-c", program.replace("{", "{{").replace("}", "}}")]


async def told(folder: Path, times: int) -> None:
    """Return when `ready` has been told that often."""
    fifo = folder / "work" / "ready"

    def read() -> None:
        with fifo.open("rb") as file:
            heard = 0
            while heard < times:
                heard += len(file.read(1))

    await anyio.to_thread.run_sync(read)


def make_fifo(folder: Path) -> None:
    """`ready`, which commands write to."""
    (folder / "work").mkdir(exist_ok=True)
    os.mkfifo(folder / "work" / "ready")


async def test_at_its_timeout_a_command_dies_with_its_whole_tree_within_a_second(tmp_path: Path) -> None:
    """Neither ignoring SIGTERM nor a session of its own saves a process."""
    make_fifo(tmp_path)
    job = job_of(tmp_path, python(STUBBORN), timeout_seconds=1.0)
    async with isolated(tmp_path) as executor, anyio.create_task_group() as tasks:
        tasks.start_soon(told, tmp_path, 3)
        began = time.monotonic()
        outcome = only(await executor.run(batch_of(job), StopSwitch()))
        took = time.monotonic() - began
        pids = pids_in(tmp_path / "work" / "pids")
    assert (outcome.end, outcome.cause) == (AttemptEnd.FAILED, Cause.TIMED_OUT)
    assert "1 s" in (outcome.error or "")
    assert len(pids) == 3
    assert [pid for pid in pids if alive(pid)] == []
    assert 1.0 <= took < 2.0


async def test_a_command_may_clean_up_when_its_time_is_over(tmp_path: Path) -> None:
    """SIGTERM comes first; that it then ends with status 0 does not make it a success."""
    job = job_of(tmp_path, "trap 'echo cleaned > trace; exit 0' TERM; sleep 600 & wait", timeout_seconds=0.3)
    async with isolated(tmp_path) as executor:
        outcome = only(await executor.run(batch_of(job), StopSwitch()))
    assert outcome.cause is Cause.TIMED_OUT
    assert (tmp_path / "work" / "trace").read_text(encoding="utf-8") == "cleaned\n"


async def test_the_rest_of_a_batch_runs_after_a_timeout(tmp_path: Path) -> None:
    """Each evaluation has its own time."""
    job = job_of(tmp_path, ["sh", "-c", "[ {x} = 1 ] || exec sleep 600"], timeout_seconds=0.3)
    evaluations = [evaluation_of({"x": value}, iteration=value) for value in (2, 1, 3)]
    async with isolated(tmp_path) as executor:
        result = await executor.run(batch_of(job, *evaluations), StopSwitch())
    assert [result.outcomes[position].cause for position in range(3)] == [Cause.TIMED_OUT, None, Cause.TIMED_OUT]


async def test_a_daemon_that_a_command_leaves_behind_is_dead_when_the_command_has_ended(tmp_path: Path) -> None:
    """Forked twice, in a session of its own, without descriptors and environment: it is found all the same."""
    make_fifo(tmp_path)
    job = job_of(tmp_path, ["sh", "-c", '"$@"; read -r _ < ready; exit 0', "sh", *python(DAEMON)])
    async with isolated(tmp_path) as executor:
        outcome = only(await executor.run(batch_of(job), StopSwitch()))
        (pid,) = pids_in(tmp_path / "work" / "pids")
        assert not alive(pid)
    assert outcome.end is AttemptEnd.SUCCEEDED


async def test_a_background_process_does_not_delay_the_end(tmp_path: Path) -> None:
    """It holds the output open, and is killed when the shell has ended."""
    job = job_of(tmp_path, "sleep 600 & echo $! > pids; echo '{{\"x\": 1}}'")
    async with isolated(tmp_path) as executor:
        with anyio.fail_after(5):
            outcome = only(await executor.run(batch_of(job), StopSwitch()))
        assert not alive(*pids_in(tmp_path / "work" / "pids"))
    assert outcome.metrics == {"x": 1.0}


async def test_a_daemon_of_another_command_that_still_runs_is_left_alone(tmp_path: Path) -> None:
    """Whose an orphan is, is known although both have the same parent by then."""
    make_fifo(tmp_path)
    first = job_of(tmp_path, ["sh", "-c", '"$@"; read -r _ < go; kill -0 $(cat pids)', "sh", *python(DAEMON)])
    os.mkfifo(tmp_path / "work" / "go")
    async with isolated(tmp_path) as executor, anyio.create_task_group() as tasks:
        results: list[BatchResult] = []
        tasks.start_soon(_collect, executor.run(batch_of(first), StopSwitch()), results)
        await told(tmp_path, 1)
        await executor.run(batch_of(job_of(tmp_path, "sleep 600 &"), evaluation_of(variant=4)), StopSwitch())
        (pid,) = pids_in(tmp_path / "work" / "pids")
        assert alive(pid)
        (tmp_path / "work" / "go").write_text("\n", encoding="utf-8")
    assert only(results[0]).end is AttemptEnd.SUCCEEDED
    assert not alive(pid)


async def _collect(running: Awaitable[BatchResult], results: list[BatchResult]) -> None:
    results.append(await running)


Ending = Callable[[IsolatedExecutor, StopSwitch], None]


def _press(executor: IsolatedExecutor, stop: StopSwitch) -> None:
    stop.press()


def _kill_keeper(executor: IsolatedExecutor, stop: StopSwitch) -> None:
    (keeper,) = keepers_about(executor.folder)
    os.kill(keeper, signal.SIGKILL)


async def _interrupt(folder: Path, ending: Ending) -> BatchResult:
    """Run three, end the batch while the first has three processes; nothing of it is alive when it returns."""
    make_fifo(folder)
    batch = batch_of(job_of(folder, python(STUBBORN)), *(evaluation_of(iteration=number) for number in (1, 2, 3)))
    results: list[BatchResult] = []
    async with isolated(folder) as executor:
        stop = StopSwitch()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_collect, executor.run(batch, stop), results)
            await told(folder, 3)
            ending(executor, stop)
        pids = pids_in(folder / "work" / "pids")
        assert len(pids) == 3
        assert [pid for pid in pids if alive(pid)] == []
        again = await executor.run(batch_of(job_of(folder, ["true"])), StopSwitch())
        assert only(again).end is AttemptEnd.SUCCEEDED
    return results[0]


async def test_a_stopped_batch_says_what_was_executing_and_what_never_began(tmp_path: Path) -> None:
    """Both may be sent again, and the executor goes on working."""
    result = await _interrupt(tmp_path, _press)
    assert (result.outcomes, result.interrupted, result.unstarted) == ({}, (0,), (1, 2))


async def test_with_a_killed_keeper_what_ran_is_lost_and_dead_and_the_rest_never_began(tmp_path: Path) -> None:
    """The processes are found although their parent is gone; the next batch gets a fresh keeper."""
    result = await _interrupt(tmp_path, _kill_keeper)
    assert (result.interrupted, result.unstarted) == ((), (1, 2))
    assert (result.outcomes[0].end, result.outcomes[0].cause) == (AttemptEnd.FAILED, Cause.WORKER_LOST)
    assert result.outcomes[0].usage.pid in pids_in(tmp_path / "work" / "pids")


async def test_a_stop_before_the_start_runs_nothing(tmp_path: Path) -> None:
    """Everything may be sent again."""
    job = job_of(tmp_path, ["sleep", "600"])
    async with isolated(tmp_path) as executor:
        stop = StopSwitch()
        stop.press()
        result = await executor.run(batch_of(job, evaluation_of(), evaluation_of(iteration=2)), stop)
    assert (result.outcomes, result.interrupted, result.unstarted) == ({}, (), (0, 1))


async def test_cancelling_kills_everything_before_it_returns(tmp_path: Path) -> None:
    """Nothing of the batch is alive after the cancelled scope."""
    make_fifo(tmp_path)
    async with isolated(tmp_path) as executor:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(executor.run, batch_of(job_of(tmp_path, python(STUBBORN))), StopSwitch())
            await told(tmp_path, 3)
            tasks.cancel_scope.cancel()
        assert [pid for pid in pids_in(tmp_path / "work" / "pids") if alive(pid)] == []


async def test_a_keeper_that_hangs_is_replaced(tmp_path: Path) -> None:
    """Stopped in its tracks, it neither keeps timeouts nor answers: it counts as lost."""
    make_fifo(tmp_path)
    job = job_of(tmp_path, python(STUBBORN))
    results: list[BatchResult] = []
    async with isolated(tmp_path) as executor:
        stop = StopSwitch()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_collect, executor.run(batch_of(job), stop), results)
            await told(tmp_path, 3)
            (keeper,) = keepers_about(tmp_path)
            os.kill(keeper, signal.SIGSTOP)
            stop.press()
        assert not alive(keeper)
        assert [pid for pid in pids_in(tmp_path / "work" / "pids") if alive(pid)] == []
        assert only(await executor.run(batch_of(job_of(tmp_path, ["true"])), StopSwitch())).end is AttemptEnd.SUCCEEDED
