"""The store as the rest of the daemon sees it: write changes, read views, hear events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import StoreFull
from orchestrator.store import database
from orchestrator.store.broadcast import Broadcast
from orchestrator.store.reserve import Reserve
from orchestrator.store.views import Views, open_views
from orchestrator.store.writer import Writer, open_writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One database: its writer, its views, and the events as they are committed."""

    writer: Writer
    views: Views
    feed: Views  # a second reader, so that long listings do not keep the conductors waiting
    broadcast: Broadcast
    reserve: Reserve


@asynccontextmanager
async def open_store(path: Path, *, reserve_file: Path | None = None) -> AsyncIterator[Store]:
    """Open, check and migrate the file, then serve it. Raises StoreError and its kinds. Without a `reserve_file` there is no reserve."""
    database.warn_of_old_sqlite()
    broadcast, reserve = Broadcast(), Reserve(reserve_file)
    await _prepare(path, reserve)
    async with (
        open_writer(path, broadcast.announce, reserve=reserve) as writer,
        open_views(path) as views,
        open_views(path) as feed,
    ):
        try:
            yield Store(writer=writer, views=views, feed=feed, broadcast=broadcast, reserve=reserve)
        finally:
            broadcast.close()


async def _prepare(path: Path, reserve: Reserve) -> None:
    """Open it for the first time; on a full disk with what an earlier daemon has left of the reserve."""
    while True:
        try:
            await database.prepare(path)
        except StoreFull:
            if not await reserve.give_up():
                raise
        else:
            return
