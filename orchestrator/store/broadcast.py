"""Tells committed events to whoever listens. A listener that falls behind is told so and reads the rest from the store."""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import anyio

Event = dict[str, Any]
LONGEST_BACKLOG = 1_000


class Subscription:
    """An endless list of lists of events, from the moment it was taken out."""

    def __init__(self) -> None:
        self.missed = False  # some events were dropped: read them from the store
        self._waiting: deque[Event] = deque(maxlen=LONGEST_BACKLOG)
        self._arrived = anyio.Event()
        self._closed = False

    def put(self, events: list[Event]) -> None:
        """Add events; the oldest are dropped when too many wait."""
        if len(self._waiting) + len(events) > LONGEST_BACKLOG:
            self.missed = True
        self._waiting.extend(events)
        self._arrived.set()

    def close(self) -> None:
        """End the iteration once what waits was taken."""
        self._closed = True
        self._arrived.set()

    async def next(self) -> list[Event] | None:
        """All that has come since the last call, waiting for at least one event; None at the end."""
        while not self._waiting:
            if self._closed:
                return None
            await self._arrived.wait()
            if not self._waiting and not self._closed:
                self._arrived = anyio.Event()
        taken = list(self._waiting)
        self._waiting.clear()
        if not self._closed:
            self._arrived = anyio.Event()
        return taken

    async def __aiter__(self) -> AsyncIterator[list[Event]]:
        while (events := await self.next()) is not None:
            yield events


class Broadcast:
    """Hands each committed group of events to every listener."""

    def __init__(self) -> None:
        self._listeners: set[Subscription] = set()
        self._closed = False

    def announce(self, events: list[Event]) -> None:
        """Called by the writer after each commit."""
        for listener in self._listeners:
            listener.put(events)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Listen until the block is left."""
        subscription = Subscription()
        if self._closed:
            subscription.close()
        self._listeners.add(subscription)
        try:
            yield subscription
        finally:
            self._listeners.discard(subscription)

    def close(self) -> None:
        """End all listening: the daemon is leaving."""
        self._closed = True
        for listener in self._listeners:
            listener.close()
