"""Claims about the one writer: grouped commits, refusals that touch nobody else, changes that are made whole."""

import shutil
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from anyio.lowlevel import checkpoint

from orchestrator.engine import durably
from orchestrator.engine.durably import DurableWriter
from orchestrator.errors import Conflict, StoreBlocked, StoreError, Unavailable
from orchestrator.store.journal import Journal
from orchestrator.store.lines import GROUP_LENGTH, GROUP_ROWS, PROMPT_ROWS
from orchestrator.store.store import Store, open_store
from orchestrator.store.writer import WORTH_EMPTYING_ROWS, Sized, Transaction
from tests.support.records import Limit, add_experiment, propose, proposed, rows, submission

pytestmark = pytest.mark.asyncio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "orchestrator.db"


@dataclass
class Named:
    """A change that adds an experiment, then refuses or breaks if told so; keeps every transaction it ran in."""

    name: str
    error: Exception | None = None
    began: threading.Event = field(default_factory=threading.Event)
    may_end: threading.Event | None = None
    ran_in: list[Transaction] = field(default_factory=list)

    def apply(self, transaction: Transaction) -> int:
        """Add it."""
        self.ran_in.append(transaction)
        self.began.set()
        if self.may_end is not None:
            self.may_end.wait(20)
        found, _ = submission(name=self.name).apply(transaction)
        if self.error is not None:
            raise self.error
        return found


@dataclass
class Large(Named, Sized):
    """One of nearly as many rows as a transaction takes."""

    rows: int = GROUP_ROWS - 100


@dataclass
class Prompt(Named, Sized):
    """One that a process waits for, of as many rows as may go before others."""

    prompt = True
    rows: int = PROMPT_ROWS


async def write_behind_a_gate(store: Store, *changes: Named) -> None:
    """Have all of them wait in this order while another one is under way, and write them."""
    gate = Named("gate", may_end=threading.Event())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.writer.write, gate)
        await to_thread.run_sync(gate.began.wait, 20)
        for change in changes:
            tasks.start_soon(store.writer.write, change)
            await checkpoint()
        assert gate.may_end is not None
        gate.may_end.set()


async def names(store: Store) -> list[str]:
    """Of all experiments, in order."""
    return [name for (name,) in await rows(store, "SELECT name FROM experiment ORDER BY id")]


async def test_what_comes_together_is_committed_together(path: Path) -> None:
    """Five hundred concurrent writes share a handful of transactions, and each waiter gets its own answer."""
    changes = [Named(f"e{number}") for number in range(500)]
    answers: dict[str, int] = {}

    async with open_store(path) as store:

        async def write(change: Named) -> None:
            answers[change.name] = await store.writer.write(change)

        async with anyio.create_task_group() as tasks:
            for change in changes:
                tasks.start_soon(write, change)
        stored = {name: number for number, name in await rows(store, "SELECT id, name FROM experiment")}

    assert answers == stored
    assert len({id(change.ran_in[-1]) for change in changes}) <= 500 // GROUP_LENGTH + 2


async def test_what_a_process_waits_for_goes_first_and_a_transaction_ends_when_it_is_long(path: Path) -> None:
    """It does not wait for a long commit that was sent before it; two long ones are not made one that is twice as long."""
    first, second, urgent, small = Large("first"), Large("second"), Prompt("urgent"), Named("small")
    async with open_store(path) as store:
        await write_behind_a_gate(store, first, second, urgent, small)
        assert await names(store) == ["gate", "urgent", "first", "second", "small"]
    groups = [id(change.ran_in[-1]) for change in (urgent, first, second, small)]
    assert len(set(groups)) == 3
    assert groups[2] == groups[3]


async def test_when_nothing_comes_any_more_the_journal_is_moved_into_the_file(path: Path) -> None:
    """So that no later commit has to do it; the file alone then has all that was written."""
    async with open_store(path) as store:
        await add_experiment(store, variants=WORTH_EMPTYING_ROWS)
        before = path.stat().st_mtime_ns
        with anyio.fail_after(20):
            while path.stat().st_mtime_ns == before:
                await checkpoint()
        await rows(store, "SELECT 1")  # its turn in the connection's thread comes when all of it is moved
        with closing(sqlite3.connect(shutil.copy(path, path.with_name("alone.db")))) as alone:
            counts = [
                alone.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("variant", "iteration")
            ]

    assert counts == [WORTH_EMPTYING_ROWS] * 2


async def test_what_is_urgent_never_keeps_others_waiting_for_long(path: Path) -> None:
    """However much of it comes, every second transaction is theirs."""
    urgent = [Prompt(f"urgent {number}") for number in range(3)]
    async with open_store(path) as store:
        await write_behind_a_gate(store, Large("long"), *urgent)
        assert await names(store) == ["gate", "urgent 0", "long", "urgent 1", "urgent 2"]


async def test_the_next_transaction_waits_for_no_turn_of_the_event_loop(path: Path) -> None:
    """While the loop is busy with something else, what has been sent is written to its end."""
    gate, first, second = Named("gate", may_end=threading.Event()), Large("first"), Large("second")
    async with open_store(path) as store, anyio.create_task_group() as tasks:
        for change in (gate, first, second):
            tasks.start_soon(store.writer.write, change)
            await checkpoint()
        await to_thread.run_sync(gate.began.wait, 20)
        assert gate.may_end is not None
        gate.may_end.set()
        assert second.began.wait(20)  # blocks the loop


@pytest.mark.parametrize("error", [Conflict("not this one"), RuntimeError("a defect")])
async def test_a_refused_change_fails_alone(path: Path, error: Exception) -> None:
    """One change of a group is refused, or has a defect: only its caller hears of it, nothing of it stays, the others are kept."""
    failures: list[tuple[str, BaseException]] = []
    async with open_store(path) as store:

        async def write(change: Named) -> None:
            try:
                await store.writer.write(change)
            except (Conflict, RuntimeError) as failure:
                failures.append((change.name, failure))

        async with anyio.create_task_group() as tasks:
            for name in "abcdef":
                tasks.start_soon(write, Named(name, error=error if name == "c" else None))
        kept = await names(store)
        told = [event["name"] for event in await Journal(store.views).events(since=0, limit=100)]

    assert failures == [("c", error)]
    assert sorted(kept) == list("abdef")
    assert told == kept


async def test_a_change_whose_caller_is_cancelled_is_made_whole(path: Path) -> None:
    """Cancelling a caller in the middle of its transaction neither cuts the transaction nor stops the writer."""
    change = Named("left behind", may_end=threading.Event())
    async with open_store(path) as store:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.writer.write, change)
            await to_thread.run_sync(change.began.wait, 20)
            tasks.cancel_scope.cancel()
        assert change.may_end is not None
        change.may_end.set()
        await store.writer.write(Named("next"))

        assert await names(store) == ["left behind", "next"]


async def test_cancelling_the_whole_store_keeps_what_was_sent(path: Path) -> None:
    """A store that is cancelled from outside while a change is under way commits the change before it closes."""
    change = Named("on its way", may_end=threading.Event())

    async def live() -> None:
        async with open_store(path) as store, anyio.create_task_group() as inner:
            inner.start_soon(store.writer.write, change)
            await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(live)
        await to_thread.run_sync(change.began.wait, 20)
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await checkpoint()
            assert change.may_end is not None
            change.may_end.set()
    async with open_store(path) as store:
        assert await names(store) == ["on its way"]


async def test_nothing_can_be_written_once_it_is_closed(path: Path) -> None:
    """A write after the store was left is refused as unavailable, and does not hang."""
    async with open_store(path) as store:
        writer = store.writer

    with anyio.fail_after(5), pytest.raises(Unavailable, match="stopping"):
        await writer.write(Named("late"))


LARGE = "x" * 200_000


async def test_a_full_disk_is_said_and_passes(path: Path) -> None:
    """A change the disk has no room for raises StoreBlocked and leaves nothing; a small one, and the same one later, are taken."""
    async with open_store(path) as store:
        await store.writer.write(Named("before"))
        await store.writer.write(Limit(2))
        with pytest.raises(StoreBlocked, match="full"):
            await store.writer.write(Named(LARGE))
        await store.writer.write(Named("small"))
        await store.writer.write(Limit(None))
        await store.writer.write(Named(LARGE))

        assert await names(store) == ["before", "small", LARGE]
        assert [event["seq"] for event in await Journal(store.views).events(since=0, limit=10)] == [1, 2, 3]


async def test_a_disk_that_is_full_in_the_middle_of_proposals_is_said_to_be_full(path: Path) -> None:
    """It ends the whole transaction, and what was to be tried in it: nothing of them is there, and later all of them are."""
    proposals = [proposed("x" * 16_000 + str(number)) for number in range(1500)]
    async with open_store(path) as store:
        experiment = await add_experiment(store, variants=1)
        await store.writer.write(Limit(2))
        with pytest.raises(StoreBlocked, match="full"):
            await propose(store, experiment, proposals)
        await store.writer.write(Limit(None))

        assert await propose(store, experiment, proposals) == (1500, 1500)


async def test_a_durable_write_waits_for_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk is full a durable write is `degraded` and goes on trying; with room again it succeeds and is so no more."""
    monkeypatch.setattr(durably, "RETRY_SECONDS", 0.0)
    async with open_store(path) as store:
        durable = DurableWriter(store.writer)
        await store.writer.write(Limit(2))
        change = Named(LARGE)
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(durable.write, change)
                while len(change.ran_in) < 3:
                    await checkpoint()
                degraded = durable.degraded
                await store.writer.write(Limit(None))

        assert "full" in (degraded or "")
        assert durable.degraded is None
        assert await names(store) == [LARGE]


@dataclass(frozen=True)
class Wrong:
    """A change whose statement the database refuses for good."""

    def apply(self, transaction: Transaction) -> Any:
        """Break a CHECK."""
        transaction._connection.execute("UPDATE experiment SET seed = -1")


async def test_a_statement_that_can_never_work_is_not_tried_again(path: Path) -> None:
    """A broken constraint is a StoreError and not StoreBlocked: waiting would not help."""
    async with open_store(path) as store:
        await store.writer.write(Named("one"))
        with pytest.raises(StoreError) as caught:
            await DurableWriter(store.writer).write(Wrong())

        assert not isinstance(caught.value, StoreBlocked)
        assert await names(store) == ["one"]
