"""What slots are forked from: where it lives, how it ends, and what its death does to what runs."""

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import psutil  # type: ignore[import-untyped]
import pytest
from anyio import to_thread

from orchestrator.domain.states import Cause
from orchestrator.executors import slot as slots
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.nursery import PRELOADED, nurses, open_nursery
from orchestrator.executors.semaphores import SHARED_MEMORY, semaphores_of
from orchestrator.executors.slot import Key, Slot, start_process_slot
from orchestrator.executors.slot_pool import SlotPool
from tests.support.executors import PATIENCE_SECONDS, opened, run
from tests.support.neighbours import crowded
from tests.support.workloads import batch

pytestmark = pytest.mark.asyncio


async def test_slots_are_its_children_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    """Its socket is in the folder it was given, however long that path is, and goes with it."""
    folder = tmp_path / ("long" * 30) / "nursery"
    with open_nursery(folder):
        (nurse,) = nurses()
        assert [path.is_socket() for path in folder.iterdir()] == [True]
        async with opened("process", tmp_path / "slots") as rig:
            result = await run(rig, rig.workloads.job("who"), {})
            who = result.outcomes[0].metrics or {}
            assert psutil.Process(int(who["pid"])).ppid() == nurse
    assert not psutil.pid_exists(nurse)
    assert not folder.exists()
    assert not nurses()


async def test_a_slot_imports_nothing_but_the_workload(tmp_path: Path) -> None:
    """All it needs itself was there before the fork: on the way to a first evaluation every millisecond counts."""
    listing = f"import importlib, sys; [importlib.import_module(name) for name in {PRELOADED!r}]; print(*sys.modules)"
    known = (await anyio.run_process([sys.executable, "-c", listing])).stdout.decode().split()
    with open_nursery(tmp_path / "nursery"):
        async with opened("process", tmp_path / "slots") as rig:
            result = await run(
                rig, replace(rig.workloads.job(""), call="imported:more"), {"known": [*known, "encodings.ascii"]}
            )
    assert (result.outcomes[0].error, result.outcomes[0].metrics) == (None, {"value": 0.0})


@pytest.mark.parametrize("name", ["process", "thread"])
async def test_when_it_is_killed_what_runs_is_lost_and_what_comes_is_born_anew(tmp_path: Path, name: str) -> None:
    """Nobody hears any more how its children end: they are ended, and the evaluations fail as lost, or have not begun."""
    os.mkfifo(tmp_path / "begun")
    with open_nursery(tmp_path / "nursery"):
        async with opened(name, tmp_path / "slots") as rig:
            (nurse,) = nurses()
            job = rig.workloads.job("waits")
            results = []

            async def evaluate() -> None:
                results.append(await rig.executor.run(batch(job, {"fifo": str(tmp_path / "begun")}), StopSwitch()))

            with anyio.fail_after(PATIENCE_SECONDS):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(evaluate)
                    await to_thread.run_sync((tmp_path / "begun").read_bytes, abandon_on_cancel=True)
                    os.kill(nurse, signal.SIGKILL)
            (result,) = results
            assert result.outcomes[0].cause is Cause.WORKER_LOST
            again = result
            while (
                0 not in again.outcomes or again is result
            ):  # what is sent to one that is dead, and not known to be, has not begun
                again = await run(rig, rig.workloads.job("number"), {"x": 1.0})
            assert again.outcomes[0].cause is None
            assert nurses() != {nurse}
            assert [path.is_socket() for path in (tmp_path / "nursery").iterdir()] == [True, True]  # the dead one's too


async def test_nothing_in_shared_memory_outlives_a_slot_whatever_is_killed(tmp_path: Path) -> None:
    """The semaphores of its pipes have no names any more by the time it answers, and it answers all the same."""
    path = str(tmp_path / "slot")
    slot = await to_thread.run_sync(start_process_slot, path)
    try:
        assert isinstance(slot.pool, ProcessPoolExecutor)
        names = semaphores_of(slot.pool)
        assert names
        assert [name for name in names if (SHARED_MEMORY / f"sem.{name.lstrip('/')}").exists()] == []
        assert slot.pool.submit(os.getpid).result(PATIENCE_SECONDS) == slot.pid
    finally:
        await to_thread.run_sync(slot.reap)
        await to_thread.run_sync(slot.release)


KILLED = """
import os, signal, sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import resource_tracker
from pathlib import Path
from orchestrator.executors.nursery import CONTEXT, conception, nurses, open_nursery
from orchestrator.executors.semaphores import semaphores_of
with open_nursery(Path(sys.argv[1])):
    with conception():
        pool = ProcessPoolExecutor(1, mp_context=CONTEXT)
    print(*semaphores_of(pool), flush=True)
    for pid in (resource_tracker._resource_tracker._pid, *nurses(), os.getpid()):
        os.kill(pid, signal.SIGKILL)
"""


async def test_what_is_left_when_all_is_killed_during_a_birth_is_removed_by_the_next(tmp_path: Path) -> None:
    """By whoever uses the same folder, which only the daemon of one state directory does; what others have made stays."""

    async def killed(folder: str) -> list[Path]:
        ran = await anyio.run_process([sys.executable, "-c", KILLED, str(tmp_path / folder)], check=False)
        return [SHARED_MEMORY / f"sem.{name.lstrip('/')}" for name in ran.stdout.decode().split()]

    mine, another = await killed("mine"), await killed("another")
    assert mine
    assert all(path.exists() for path in (*mine, *another))
    with open_nursery(tmp_path / "mine"):
        assert [path for path in mine if path.exists()] == []
        assert all(path.exists() for path in another)
    with open_nursery(tmp_path / "another"):
        assert [path for path in another if path.exists()] == []


async def test_it_is_not_in_the_process_group_of_the_daemon(tmp_path: Path) -> None:
    """What asks all of that to end asks the daemon, which lets evaluations finish."""
    with open_nursery(tmp_path / "nursery"):
        slot = await to_thread.run_sync(start_process_slot, str(tmp_path / "slot"))  # it has imported all by now
        (nurse,) = slot.nurse
        assert os.getpgid(nurse) == nurse
        slot.kill()
        await to_thread.run_sync(slot.reap)
        slot.release()


async def test_nobody_but_who_waits_for_a_slot_looks_whether_it_has_ended(tmp_path: Path) -> None:
    """The standard library does at every birth; of two who look at one instant one would be told nothing, and say 255."""
    with open_nursery(tmp_path / "nursery"):
        slot = await to_thread.run_sync(start_process_slot, str(tmp_path / "slot"))
        assert slot.process not in multiprocessing.active_children()
        slot.kill()
        assert await to_thread.run_sync(slot.reap) == -signal.SIGKILL
        slot.release()


async def test_when_it_is_killed_and_several_slots_are_wanted_at_once_all_are_born_of_one_other(tmp_path: Path) -> None:
    """What starts it anew is done by one birth alone, and nothing of that is left in what the slots take over."""
    before = _taken_over()
    with open_nursery(tmp_path / "nursery"):
        for trial in range(5):
            slots = await to_thread.run_sync(_born_after_its_death, tmp_path / f"{trial}")
            assert {slot.nurse for slot in slots} == {nurses()}
            assert _taken_over() == before
            assert len(list((tmp_path / "nursery").iterdir())) == trial + 2  # the dead ones' sockets too
            for slot in slots:
                slot.kill()
                slot.reap()
                slot.release()


@pytest.mark.parametrize("neighbours", [0, 1])
async def test_when_it_is_killed_in_the_middle_of_a_birth_the_slot_is_born_of_another_one(
    tmp_path: Path, neighbours: int
) -> None:
    """Nothing of anybody's has begun: no experiment fails for that, nor on a busy machine, where dying takes a while."""
    hit: list[int] = []

    def start(path: str) -> Slot:
        if hit:
            return start_process_slot(path)
        (nurse,) = nurses()
        hit.append(nurse)
        os.sched_setscheduler(nurse, os.SCHED_IDLE, os.sched_param(0))
        os.kill(nurse, signal.SIGSTOP)  # it takes the request, and answers nothing
        with ThreadPoolExecutor(1) as threads:
            born = threads.submit(start_process_slot, path)
            wait([born], timeout=0.1)
            os.kill(nurse, signal.SIGKILL)
            return born.result()

    with crowded(neighbours), open_nursery(tmp_path / "nursery"):
        async with SlotPool(start, folder=tmp_path / "slots", seats=1, processes=1) as pool:
            with anyio.fail_after(PATIENCE_SECONDS):
                seat = await pool.seat(Key(1, (), str(tmp_path)))
            assert seat.slot.nurse == nurses() != set(hit)
            pool.give_back(seat)


async def test_when_it_is_stopped_the_end_of_a_slot_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An evaluation may send it SIGSTOP: it is ended when it says nothing, and the next slot is born of another one."""
    monkeypatch.setattr(slots, "_SILENCE_SECONDS", 0.2)
    with open_nursery(tmp_path / "nursery"):
        slot = await to_thread.run_sync(start_process_slot, str(tmp_path / "slot"))
        (nurse,) = slot.nurse
        os.kill(nurse, signal.SIGSTOP)
        slot.kill()
        with anyio.fail_after(PATIENCE_SECONDS):
            await anyio.wait_readable(slot.pidfd)
            await to_thread.run_sync(slot.sweep, abandon_on_cancel=True)
            assert await to_thread.run_sync(slot.reap, abandon_on_cancel=True) is None
            slot.release()
            following = await to_thread.run_sync(start_process_slot, str(tmp_path / "next"), abandon_on_cancel=True)
        assert following.nurse != {nurse}
        await to_thread.run_sync(following.reap)
        following.release()


def _born_after_its_death(path: Path) -> list[Slot]:
    (nurse,) = nurses()
    os.kill(nurse, signal.SIGKILL)
    os.waitid(os.P_PID, nurse, os.WEXITED | os.WNOWAIT)
    with ThreadPoolExecutor(6) as threads:
        return list(threads.map(start_process_slot, [f"{path}-{number}" for number in range(6)]))


def _taken_over() -> dict[str, Any]:
    """By every child process."""
    return dict(multiprocessing.current_process()._config)  # type: ignore[attr-defined]
