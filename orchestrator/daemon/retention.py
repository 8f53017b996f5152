"""Forgetting old events, so that the database does not grow for ever."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from orchestrator.errors import StoreError
from orchestrator.store.changes.sweeps import KeepEvents

log = structlog.get_logger(__name__)

SHARE = 10
"""Between two rounds at most a tenth of what is kept comes in addition."""


async def keep_events(
    write: Callable[[KeepEvents], Awaitable[int]],
    heard: Callable[[], Awaitable[Sequence[Any] | None]],
    *,
    limit: int,
) -> None:
    """Drop all but the newest `limit` events at the start, and again each time a tenth of that has come."""
    while True:
        try:
            dropped = await write(KeepEvents(keep=limit))
        except StoreError as error:  # a full disk is told by whoever needs to store something
            log.warning("events_not_dropped", error=error.message)
        else:
            log.debug("events_dropped", count=dropped)
        fresh = 0
        while fresh < limit // SHARE:
            fresh += len(await heard() or ())
