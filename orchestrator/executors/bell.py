"""The bell of a lane: an eventfd that the child rings when an evaluation has reported something."""

import asyncio
import os
from collections.abc import Callable

SHORTEST_SECONDS = 0.05
"""After a ring the bell is not listened to for so long: what comes meanwhile is heard together."""


class Bell:
    """Made before the child, in any thread; from `listen` on it belongs to the event loop. It keeps ringing until it is heard."""

    def __init__(self) -> None:
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._hear: Callable[[], object] | None = None

    def listen(self, hear: Callable[[], object]) -> None:
        """Have a function called soon after each ring. Costs nothing but the first time."""
        self._hear = hear
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._attend()

    def ignore(self) -> None:
        """Nobody listens any more."""
        self._hear = None

    def _attend(self) -> None:
        self._pause = None
        if self._loop is not None:
            self._loop.add_reader(self.descriptor, self._rung)

    def _rung(self) -> None:
        os.eventfd_read(self.descriptor)
        if self._loop is not None:
            self._loop.remove_reader(self.descriptor)
            self._pause = self._loop.call_later(SHORTEST_SECONDS, self._attend)
        if self._hear is not None:
            self._hear()

    def detach(self) -> None:
        """Leave the event loop, in its thread."""
        if self._pause is not None:
            self._pause.cancel()
        if self._loop is not None:
            self._loop.remove_reader(self.descriptor)
        self._loop = self._hear = self._pause = None

    def close(self) -> None:
        """Give it back, in any thread."""
        os.close(self.descriptor)
