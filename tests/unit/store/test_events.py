"""Claims about events: numbered in commit order, told after the commit, kept over a restart, gone only when dropped."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from orchestrator.errors import Conflict, EventsGone
from orchestrator.store.broadcast import LONGEST_BACKLOG, Broadcast
from orchestrator.store.changes.sweeps import KeepEvents, TellEvent
from orchestrator.store.journal import Journal
from orchestrator.store.store import open_store
from orchestrator.store.writer import Transaction
from tests.support.records import submission

pytestmark = pytest.mark.asyncio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "orchestrator.db"


@dataclass(frozen=True)
class Refused:
    """A change that tells something and is refused."""

    def apply(self, transaction: Transaction) -> None:
        """Tell and refuse."""
        transaction.tell("never_happened")
        raise Conflict


async def test_numbers_rise_in_commit_order_with_no_hole(path: Path) -> None:
    """Concurrent writers, refused ones among them, give events 1, 2, 3, … in the order they are announced and kept."""
    heard: list[int] = []
    async with open_store(path) as store:

        async def refused() -> None:
            with pytest.raises(Conflict):
                await store.writer.write(Refused())

        with store.broadcast.subscribe() as subscription:
            async with anyio.create_task_group() as tasks:
                for number in range(60):
                    tasks.start_soon(store.writer.write, TellEvent(kind=f"event_{number}"))
                    if number % 7 == 0:
                        tasks.start_soon(refused)
            while len(heard) < 60:
                heard += [event["seq"] for event in await subscription.next() or []]
        kept = await Journal(store.views).events(since=0, limit=1000)

    assert heard == list(range(1, 61))
    assert [event["seq"] for event in kept] == heard
    assert "never_happened" not in {event["kind"] for event in kept}


async def test_what_is_announced_can_be_read(path: Path) -> None:
    """Whoever hears an event finds it, and the fact it tells of, on a reading connection at once."""
    async with open_store(path) as store:
        with store.broadcast.subscribe() as subscription:
            async with anyio.create_task_group() as tasks:
                for number in range(20):
                    tasks.start_soon(store.writer.write, submission(name=f"e{number}"))
                seen = 0
                while seen < 20:
                    for event in await subscription.next() or []:
                        assert await store.views.experiment(int(event["ref"]))
                        assert await Journal(store.views).events(since=event["seq"] - 1, limit=1) == [event]
                        seen += 1

    assert seen == 20


async def test_numbers_go_on_after_reopening(path: Path) -> None:
    """A reopened file numbers on, also when every event was dropped before."""
    async with open_store(path) as store:
        for _ in range(3):
            await store.writer.write(TellEvent(kind="told"))
        await store.writer.write(KeepEvents(keep=0))
    async with open_store(path) as store:
        await store.writer.write(TellEvent(kind="told_later"))
        found = await Journal(store.views).events(since=3, limit=10)

    assert [(event["seq"], event["kind"]) for event in found] == [(4, "told_later")]


async def test_events_that_were_dropped_are_gone_and_it_is_said(path: Path) -> None:
    """Asking for events before the oldest that is kept raises EventsGone; from there on, and from the newest, is fine."""
    async with open_store(path) as store:
        for number in range(10):
            await store.writer.write(TellEvent(kind=f"event_{number}"))
        dropped = await store.writer.write(KeepEvents(keep=4))
        journal = Journal(store.views)
        kept = await journal.events(since=6, limit=100)
        newest = await journal.events(since=10, limit=100)
        with pytest.raises(EventsGone, match="up to 6"):
            await journal.events(since=5, limit=100)

    assert dropped == 6
    assert [event["seq"] for event in kept] == [7, 8, 9, 10]
    assert newest == []


async def test_before_anything_has_happened_nothing_is_gone(path: Path) -> None:
    """A fresh file has no events, and asking for them from the beginning is no error."""
    async with open_store(path) as store:
        journal = Journal(store.views)

        assert await journal.range() == (1, 0)
        assert await journal.events(since=0, limit=10) == []


async def test_pages_of_one_experiments_events_are_complete_and_in_order(path: Path) -> None:
    """Paging by sequence number gives every event of the experiment once, and no other's."""
    async with open_store(path) as store:
        one, _ = await store.writer.write(submission(name="one"))
        for number in range(25):
            await store.writer.write(submission(name=f"e{number}"))
        journal = Journal(store.views)
        pages = []
        since = 0
        while page := await journal.events(since=since, limit=7):
            pages.append(page)
            since = page[-1]["seq"]
        alone = await journal.events(since=0, limit=100, experiment=one)

    numbers = [event["seq"] for page in pages for event in page]
    assert numbers == list(range(1, 27))
    assert all(later > earlier for earlier, later in pairwise(numbers))
    assert [event["name"] for event in alone] == ["one"]


async def test_a_listener_that_falls_behind_is_told() -> None:
    """When more waits than a listener may hold, the oldest are dropped and it knows that it missed some; another does not."""
    broadcast = Broadcast()
    with broadcast.subscribe() as slow, broadcast.subscribe() as fast:
        for number in range(LONGEST_BACKLOG + 5):
            broadcast.announce([{"seq": number}])
            if number == LONGEST_BACKLOG // 2:
                await fast.next()
        waiting = await slow.next() or []

        assert slow.missed
        assert not fast.missed
        assert [waiting[0]["seq"], waiting[-1]["seq"], len(waiting)] == [5, LONGEST_BACKLOG + 4, LONGEST_BACKLOG]


async def test_closing_ends_listening_after_what_waits() -> None:
    """A closed broadcast gives what had come, then ends; a subscription taken out afterwards ends at once."""
    broadcast = Broadcast()
    with anyio.fail_after(5), broadcast.subscribe() as subscription:
        broadcast.announce([{"seq": 1}])
        broadcast.close()
        heard = [events async for events in subscription]
        with broadcast.subscribe() as late:
            assert await late.next() is None

    assert heard == [[{"seq": 1}]]


async def test_a_listener_that_left_hears_nothing() -> None:
    """After its block a subscription is given nothing more."""
    broadcast = Broadcast()
    with broadcast.subscribe() as subscription:
        pass
    broadcast.announce([{"seq": 1}])
    subscription.close()

    assert await subscription.next() is None
