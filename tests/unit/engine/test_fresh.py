"""Claims about what is kept of fresh proposals: the same as is on record, as much as there is room for, nothing once it may differ."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.refs import ExperimentId
from orchestrator.engine.durably import DurableWriter
from orchestrator.engine.fresh import Fresh, Shelf
from orchestrator.engine.loading import load_page
from orchestrator.store.changes.rounds import AddProposals
from orchestrator.store.store import Store, open_store
from tests.support import plans
from tests.support.records import add_experiment, proposed

pytestmark = pytest.mark.asyncio
PLAN = replace(plans.plan(), experiment=ExperimentId(1))


@asynccontextmanager
async def opened(folder: Path, shelf: Shelf) -> AsyncIterator[tuple[Store, Fresh]]:
    """A store with experiment 1, which has no variants yet."""
    async with open_store(folder / "orchestrator.db") as store:
        await add_experiment(store, variants=0)
        yield store, Fresh(DurableWriter(store.writer), shelf)


def addition(first_ordinal: int, values: Iterable[int], *, iterations: int = 1) -> AddProposals:
    """The next proposals of experiment 1."""
    proposals = tuple(proposed(x, iterations=iterations) for x in values)
    return AddProposals(experiment=1, round=1, approach="main", first_ordinal=first_ordinal, proposals=proposals)


async def test_what_is_kept_is_what_the_store_would_say(tmp_path: Path) -> None:
    """Variants are taken in their order, page by page, each as it would be read from the record; a repeated one is not there twice."""
    shelf = Shelf()
    async with opened(tmp_path, shelf) as (store, fresh):
        await fresh.write(addition(1, [1, 2, 2, 3], iterations=2))
        await fresh.write(addition(5, [3, 4]))
        stored = await load_page(store.views, PLAN, after=0, limit=9)
        taken = [fresh.take(after=after, limit=limit) for after, limit in ((0, 3), (3, 9), (4, 9))]

    assert [*taken[0], *taken[1]] == stored
    assert [[variant.number for variant in page] for page in taken] == [[1, 2, 3], [4], []]
    assert (fresh.first, shelf.left) == (None, Shelf().left)


async def test_what_comes_before_is_not_here(tmp_path: Path) -> None:
    """Whoever stands before the first that is kept must look in the store up to it."""
    async with opened(tmp_path, Shelf()) as (store, fresh):
        await store.writer.write(addition(1, [1, 2]))
        await fresh.write(addition(3, [3, 4]))
        early, first = fresh.take(after=0, limit=9), fresh.first
        before = await load_page(store.views, PLAN, after=0, before=first, limit=9)
        late = fresh.take(after=2, limit=9)

    assert (early, first) == ([], 3)
    assert [variant.number for variant in before + late] == [1, 2, 3, 4]


async def test_without_room_nothing_is_kept_until_what_was_is_taken(tmp_path: Path) -> None:
    """All experiments share the room, counted in iterations. What follows on something that was not kept is not kept either."""
    shelf = Shelf(5)
    async with opened(tmp_path, shelf) as (_, fresh):
        await fresh.write(addition(1, [1, 2], iterations=2))
        await fresh.write(addition(3, [3], iterations=2))
        await fresh.write(addition(4, [4]))
        left = shelf.left
        taken = fresh.take(after=0, limit=9)
        await fresh.write(addition(5, [5], iterations=2))
        afterwards = fresh.first

    assert (left, [variant.number for variant in taken]) == (1, [1, 2])
    assert (afterwards, shelf.left) == (5, 3)


async def test_what_may_have_changed_is_dropped(tmp_path: Path) -> None:
    """Dropping forgets what is kept, and what was on its way to the store meanwhile is not kept: somebody may have changed it there."""
    shelf = Shelf()
    async with opened(tmp_path, shelf) as (_, fresh):
        await fresh.write(addition(1, [1]))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fresh.write, addition(2, [2]))
            await anyio.lowlevel.checkpoint()
            fresh.drop()
        dropped = fresh.first
        await fresh.write(addition(3, [3]))

    assert (dropped, fresh.first) == (None, 3)
    assert shelf.left == Shelf().left - 1
