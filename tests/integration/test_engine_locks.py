"""Claims about evaluations that need named locks, in one daemon and in two that share the folder of locks."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.domain.refs import parse_ref
from orchestrator.engine.reasons import Reason
from orchestrator.locks import LockState, Taken, file_of, last_holder, look, try_take
from tests.support.executors import children
from tests.support.inline import InlineExecutor, metrics
from tests.support.lab import Lab, open_lab

pytestmark = pytest.mark.asyncio

PATIENCE_SECONDS = 20.0


def stage(*locks: str, **more: Any) -> list[dict[str, Any]]:
    """A stage that needs these locks."""
    return [{"call": "model:evaluate", "locks": list(locks), **more}]


def inline(gate: anyio.Event | None = None) -> InlineExecutor:
    """Evaluations that end at once, or when the gate is opened."""
    return InlineExecutor(lambda *_: metrics(value=1.0), gate=gate)


def held_by_another(folder: Path, name: str) -> Taken:
    """The lock, held by somebody no daemon knows of."""
    folder.mkdir(exist_ok=True)
    taken = try_take(file_of(folder, name), command=["train", "it"])
    assert taken is not None
    return taken


def state(folder: Path, name: str) -> LockState:
    """What the kernel says of a lock."""
    seen = look(file_of(folder, name))
    assert seen is not None
    return seen.state


async def reasons(lab: Lab, ref: str) -> list[Reason]:
    """Why it waits."""
    return await lab.orchestrator.explain(parse_ref(ref))


async def test_evaluations_of_two_experiments_with_one_lock_follow_each_other(tmp_path: Path) -> None:
    """Never two at an instant, however many slots are free; both experiments succeed, and the lock is free in the end."""
    executor = inline()
    async with open_lab(tmp_path, executor, slots=4) as lab:
        numbers = [await lab.submit(stage=stage("gpu0")) for _ in range(2)]
        ends = [(await lab.ended(number))["state"] for number in numbers]
    assert ends == ["succeeded", "succeeded"]
    assert executor.most_at_once == 1
    assert len(executor.seen) == 6
    assert state(tmp_path / "locks", "gpu0") is LockState.FREE


async def test_different_locks_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Two experiments with a lock each run side by side."""
    gate = anyio.Event()
    executor = inline(gate)
    async with open_lab(tmp_path, executor, slots=4) as lab:
        numbers = [await lab.submit(stage=stage(name)) for name in ("gpu0", "gpu1")]
        await lab.started(2)
        with anyio.fail_after(PATIENCE_SECONDS):
            while executor.most_at_once < 2:
                await anyio.lowlevel.checkpoint()
        gate.set()
        for number in numbers:
            await lab.ended(number)
    assert executor.most_at_once == 2


async def test_explain_names_the_evaluation_that_holds_a_lock(tmp_path: Path) -> None:
    """The reason is `locks`, with the name of the lock, who holds it here and that its end would change it."""
    gate = anyio.Event()
    async with open_lab(tmp_path, inline(gate), slots=4) as lab:
        first = await lab.submit(stage=stage("gpu0", "license"), space={"x": [1]})
        await lab.started(1)
        second = await lab.submit(stage=stage("gpu0"), space={"x": [1]})
        await lab.waits(second)
        (found,) = await reasons(lab, f"{second}.1.1")
        holder = last_holder(file_of(tmp_path / "locks", "license"))
        gate.set()
        await lab.ended(second)
    ref = f"{first}.1.1"
    assert found == Reason("locks", f"it needs the lock gpu0, which is held by evaluation {ref}", f"{ref} ends")
    assert holder is not None
    assert (holder.ref, holder.command) == (ref, "model:evaluate")


async def test_a_lock_that_another_process_holds_is_waited_for(tmp_path: Path) -> None:
    """The evaluation starts once it is given back; until then explain names process and command, and nothing else is held up."""
    other = held_by_another(tmp_path / "locks", "gpu0")
    async with open_lab(tmp_path, inline()) as lab:
        number = await lab.submit(stage=stage("gpu0"))
        await lab.waits(number)
        assert (await lab.run())["state"] == "succeeded"
        (found,) = await reasons(lab, f"{number}.1.1")
        assert found.reason == "locks"
        assert f"gpu0, which is held by pid {other.holder.pid}" in found.message
        assert found.message.endswith("train it")
        assert found.would_change == f"process {other.holder.pid} ends"
        other.give_back()
        assert (await lab.ended(number))["state"] == "succeeded"


async def test_nothing_is_left_of_a_wait_nobody_needs_any_more(tmp_path: Path) -> None:
    """Cancelling the experiment that waits, or leaving the daemon, ends the waiting process and keeps no lock."""
    other = held_by_another(tmp_path / "locks", "gpu0")
    async with open_lab(tmp_path, inline()) as lab:
        number = await lab.submit(stage=stage("gpu0"))
        await lab.waits(number)
        with anyio.fail_after(PATIENCE_SECONDS):
            while not children():
                await anyio.lowlevel.checkpoint()
        await lab.orchestrator.cancel(parse_ref(str(number)))
        with anyio.fail_after(PATIENCE_SECONDS):
            while children():
                await anyio.lowlevel.checkpoint()
        await lab.waits(await lab.submit(stage=stage("gpu0")))
    assert children() == set()
    other.give_back()
    assert state(tmp_path / "locks", "gpu0") is LockState.FREE


async def test_two_daemons_share_a_lock_fairly(tmp_path: Path) -> None:
    """With one folder of locks and states of their own, never two evaluations run at an instant, and neither daemon starves."""
    executor = inline()
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with (
        open_lab(tmp_path / "one", executor, lock_folder=tmp_path / "locks") as one,
        open_lab(tmp_path / "two", executor, lock_folder=tmp_path / "locks") as two,
    ):
        space = {"x": list(range(6))}
        first, second = (
            await one.submit(stage=stage("gpu0"), space=space),
            await two.submit(stage=stage("gpu0"), space=space),
        )
        assert (await one.ended(first))["state"] == "succeeded"
        assert (await two.ended(second))["state"] == "succeeded"
    assert executor.most_at_once == 1
    assert len(executor.seen) == 12


async def test_who_needs_several_locks_gets_them_among_many_who_need_one(tmp_path: Path) -> None:
    """Nobody waits in a circle and nobody for ever: experiments with every set of three locks all end."""
    executor = inline()
    sets = [("a",), ("b",), ("c",), ("a", "b"), ("c", "b"), ("c", "a"), ("b", "c", "a")]
    async with open_lab(tmp_path, executor, slots=4) as lab:
        numbers = [await lab.submit(stage=stage(*names), space={"x": [1, 2, 3, 4]}) for names in sets]
        ends = {(await lab.ended(number))["state"] for number in numbers}
    assert ends == {"succeeded"}
    assert len(executor.seen) == 4 * len(sets)


async def test_a_folder_where_no_locks_can_be_ends_the_experiment(tmp_path: Path) -> None:
    """It fails with the stage and the path as its reason; other work goes on."""
    (tmp_path / "file").touch()
    async with open_lab(tmp_path, inline(), lock_folder=tmp_path / "file" / "locks") as lab:
        ended = await lab.run(stage=stage("gpu0"))
        assert ended["state"] == "failed"
        assert "stage main: its locks cannot be taken" in ended["reason"]
        assert "file" in ended["reason"]
        assert (await lab.run())["state"] == "succeeded"
