"""The contract of executors: the locks of a batch are held by the process that executes it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.outcome import AttemptEnd
from orchestrator.executors.base import StopSwitch
from orchestrator.locks import LockState, Seen, Taken, look, try_take
from tests.contract.test_executor_contract_time import fifo, told_by
from tests.support.executors import EACH, PATIENCE_SECONDS, Rig, opened
from tests.support.workloads import batch

pytestmark = pytest.mark.asyncio


def taken(path: Path) -> Taken:
    """The lock, held for an evaluation."""
    lock = try_take(path, command=["evaluators:waits"], ref="1.1.1")
    assert lock is not None
    return lock


def seen(path: Path) -> Seen:
    """What is so with a lock that was taken before."""
    found = look(path)
    assert found is not None
    return found


async def come_back(path: Path) -> None:
    """Return once nobody holds the lock: a process of ours that is just being started has copies of everything for an instant."""
    with anyio.fail_after(PATIENCE_SECONDS):
        while seen(path).state is LockState.HELD:
            await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def executing(rig: Rig, folder: Path, locks: list[Taken]) -> AsyncIterator[None]:
    """A batch that waits at a fifo with these locks, which only its process holds; at the end it is stopped."""
    stop = StopSwitch()
    work = batch(rig.workloads.job("waits"), {"fifo": fifo(folder)})
    work = replace(work, locks=tuple(lock.descriptor for lock in locks))

    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rig.executor.run, work, stop)
            await told_by(folder)
            for lock in locks:
                lock.leave()
            yield
            stop.press()


@EACH
async def test_who_executes_holds_the_locks(name: str, tmp_path: Path) -> None:
    """When nobody else has a copy any more they are held, and name the executing process with the evaluation and its command."""
    paths = [tmp_path / "a.lock", tmp_path / "b.lock"]
    async with opened(name, tmp_path) as rig:
        async with executing(rig, tmp_path, [taken(path) for path in paths]):
            for path in paths:
                during = seen(path)
                assert during.state is LockState.HELD
                assert during.holder is not None
                assert (during.holder.command, during.holder.ref) == ("evaluators:waits", "1.1.1")
                assert during.holder.exists
                assert during.holder.pid != os.getpid()
        for path in paths:
            await come_back(path)
        assert {seen(path).state for path in paths} <= {LockState.FREE, LockState.STALE}


@EACH
async def test_the_locks_come_back_with_the_end_of_the_batch(name: str, tmp_path: Path) -> None:
    """A process that stays for the next batch does not keep the locks of the last one, and gives none back that it was not given."""
    path = tmp_path / "a.lock"
    async with opened(name, tmp_path) as rig:
        for expected in (1.0, 2.0):
            lock = taken(path)
            work = replace(batch(rig.workloads.job("number"), {"x": expected}), locks=(lock.descriptor,))
            with anyio.fail_after(PATIENCE_SECONDS):
                result = await rig.executor.run(work, StopSwitch())
            assert result.outcomes[0].end is AttemptEnd.SUCCEEDED
            lock.leave()
            await come_back(path)
            assert seen(path).state is not LockState.HELD


@EACH
async def test_a_process_that_dies_takes_its_locks_with_it(name: str, tmp_path: Path) -> None:
    """After a crash nobody holds the lock, whatever the evaluation was doing."""
    path = tmp_path / "a.lock"
    async with opened(name, tmp_path) as rig:
        lock = taken(path)
        work = replace(batch(rig.workloads.job("leaves_at_once"), {"act": True}), locks=(lock.descriptor,))
        with anyio.fail_after(PATIENCE_SECONDS):
            await rig.executor.run(work, StopSwitch())
        lock.leave()
        await come_back(path)
        assert seen(path).state is not LockState.HELD
