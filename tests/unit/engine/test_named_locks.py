"""Claims about the named locks of a daemon: taken, waited for, given back."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import TaskGroup

from orchestrator.domain.evaluation import Job
from orchestrator.domain.refs import ExperimentId
from orchestrator.engine.lock_books import LockView
from orchestrator.engine.named_locks import NamedLocks, command_of
from orchestrator.locks import LockState, Taken, file_of, last_holder, look, open_file, try_take, waiting_command
from tests.support.executors import children

pytestmark = pytest.mark.asyncio

PATIENCE_SECONDS = 20.0
JOB = Job(experiment=ExperimentId(1), stage="main", call="model:evaluate")


class Rig:
    """The locks of one daemon, and whether it was woken."""

    def __init__(self, folder: Path, tasks: TaskGroup) -> None:
        self.locks = NamedLocks(folder, changed=self._wake)
        self.tasks = tasks
        self._woken = anyio.Event()

    def _wake(self) -> None:
        self._woken.set()

    async def woken(self) -> None:
        """Return once the dispatcher would decide anew."""
        with anyio.fail_after(PATIENCE_SECONDS):
            await self._woken.wait()

    def settle(self, *needed: str) -> None:
        """These are needed."""
        self.locks.settle(needed, self.tasks.start_soon)


@asynccontextmanager
async def rig(folder: Path) -> AsyncIterator[Rig]:
    """It lives in the block; nothing waits after it."""
    async with anyio.create_task_group() as tasks:
        yield Rig(folder, tasks)
        tasks.cancel_scope.cancel()


def held_by_another(folder: Path, name: str) -> Taken:
    """The lock, held by somebody this daemon knows nothing of."""
    taken = try_take(file_of(folder, name), command=["train", "it"])
    assert taken is not None
    return taken


def process_with(descriptor: int, command: list[str]) -> "subprocess.Popen[bytes]":
    """A process that has a copy of a lock's descriptor."""
    return subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[descriptor])


def state(folder: Path, name: str) -> LockState:
    """What the kernel says of a lock."""
    seen = look(file_of(folder, name))
    assert seen is not None
    return seen.state


async def test_locks_are_held_for_an_evaluation(tmp_path: Path) -> None:
    """In the block they are held, named in the view, and their files tell evaluation and command; after it they are free."""
    async with rig(tmp_path / "locks") as daemon:
        held = daemon.locks.take(["b", "a"], ref="1.2.3", job=JOB)
        assert held is not None
        assert [lock.name for lock in held] == ["a", "b"]
        with daemon.locks.lent(held):
            assert daemon.locks.view == LockView(here=frozenset({"a", "b"}))
            assert daemon.locks.holder("a") == "1.2.3"
            holder = last_holder(file_of(tmp_path / "locks", "b"))
            assert holder is not None
            assert (holder.ref, holder.command) == ("1.2.3", "model:evaluate")
        assert daemon.locks.view == LockView()
        assert state(tmp_path / "locks", "a") is LockState.FREE


async def test_all_or_nothing(tmp_path: Path) -> None:
    """When somebody else holds one of them none is kept, and that one is in the view as held elsewhere."""
    other = held_by_another(tmp_path, "b")
    async with rig(tmp_path) as daemon:
        assert daemon.locks.take(["a", "b"], ref="1.1.1", job=JOB) is None
        assert daemon.locks.view == LockView(elsewhere=frozenset({"b"}))
        assert state(tmp_path, "a") is LockState.FREE
        foreign = daemon.locks.foreign_holder("b")
        assert foreign == other.holder
    other.give_back()


async def test_what_others_hold_is_waited_for(tmp_path: Path) -> None:
    """When they give it back the daemon is woken holding it, and whoever is admitted next gets that very lock."""
    other = held_by_another(tmp_path, "a")
    async with rig(tmp_path) as daemon:
        daemon.locks.take(["a"], ref="1.1.1", job=JOB)
        daemon.settle("a")
        other.give_back()
        await daemon.woken()
        assert daemon.locks.view == LockView()
        assert state(tmp_path, "a") is LockState.HELD
        held = daemon.locks.take(["a"], ref="1.1.2", job=JOB)
        assert held is not None
        assert held[0].taken.holder.ref == "1.1.2"
        daemon.settle()
        assert state(tmp_path, "a") is LockState.HELD
        with daemon.locks.lent(held):
            pass
        assert state(tmp_path, "a") is LockState.FREE


async def test_what_was_waited_for_and_nobody_takes_is_not_kept(tmp_path: Path) -> None:
    """When nobody can start after all, the next decision lets it go."""
    other = held_by_another(tmp_path, "a")
    async with rig(tmp_path) as daemon:
        daemon.locks.take(["a"], ref="1.1.1", job=JOB)
        daemon.settle("a")
        other.leave()
        await daemon.woken()
        daemon.settle("a")
        assert state(tmp_path, "a") is LockState.STALE


async def test_a_wait_that_is_called_off_leaves_nothing(tmp_path: Path) -> None:
    """When nobody needs it any more, the waiting process is gone and the lock goes to others."""
    other = held_by_another(tmp_path, "a")
    async with anyio.create_task_group() as tasks:
        daemon = Rig(tmp_path, tasks)
        daemon.locks.take(["a"], ref="1.1.1", job=JOB)
        daemon.settle("a")
        with anyio.fail_after(PATIENCE_SECONDS):
            while not children():
                await anyio.lowlevel.checkpoint()
        daemon.settle()
        daemon.settle("a")
        daemon.settle()
    assert children() == set()
    other.give_back()
    assert state(tmp_path, "a") is LockState.FREE
    assert daemon.locks.view == LockView()


async def test_who_waits_gets_the_next_turn(tmp_path: Path) -> None:
    """A daemon that gives a lock back for which another process waits does not take it again before that one had it."""
    async with rig(tmp_path) as daemon:
        held = daemon.locks.take(["a"], ref="1.1.1", job=JOB)
        assert held is not None
        descriptor = open_file(file_of(tmp_path, "a"))
        with process_with(descriptor, waiting_command(descriptor)) as waiting:
            await until_it_blocks(waiting.pid)
            with daemon.locks.lent(held):
                pass
            assert daemon.locks.view == LockView(elsewhere=frozenset({"a"}))
            assert waiting.wait(PATIENCE_SECONDS) == 0


async def until_it_blocks(pid: int) -> None:
    """Return once the process waits for a lock."""
    with anyio.fail_after(PATIENCE_SECONDS):
        while f" {pid} " not in "".join(
            line for line in Path("/proc/locks").read_text().splitlines() if "-> FLOCK" in line
        ):
            await anyio.lowlevel.checkpoint()


async def test_a_block_that_fails_leaves_the_lock_to_who_executes(tmp_path: Path) -> None:
    """When the daemon is torn away from an evaluation, the copy of the process that executes it goes on holding the lock."""
    async with rig(tmp_path) as daemon:
        held = daemon.locks.take(["a"], ref="1.1.1", job=JOB)
        assert held is not None
        with process_with(held[0].taken.descriptor, [sys.executable, "-c", "input()"]) as executing:
            with pytest.raises(RuntimeError), daemon.locks.lent(held):
                raise RuntimeError
            assert state(tmp_path, "a") is LockState.HELD
            executing.communicate(b"\n")
        assert state(tmp_path, "a") is LockState.STALE


async def test_a_folder_nobody_may_write_to_is_said(tmp_path: Path) -> None:
    """Where lock files cannot be, taking raises OSError with the path."""
    (tmp_path / "file").touch()
    async with rig(tmp_path / "file" / "locks") as daemon:
        with pytest.raises(OSError, match="file"):
            daemon.locks.take(["a"], ref="1.1.1", job=JOB)
    assert command_of(Job(experiment=ExperimentId(1), stage="s", command=("make", "it"))) == ("make", "it")
