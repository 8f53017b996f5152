"""A machine that is as the test says."""

from dataclasses import replace
from typing import Any

import anyio

from orchestrator.resources import Readings

GIBIBYTE = 2**30
EASY = Readings(
    memory_total_bytes=16 * GIBIBYTE,
    memory_available_bytes=12 * GIBIBYTE,
    disk_total_bytes=100 * GIBIBYTE,
    disk_free_bytes=50 * GIBIBYTE,
)
"""Nothing is scarce."""


class FedProbe:
    """A probe whose readings are those it is fed: a full member of the contract, on a machine of one's own."""

    def __init__(self, readings: Readings = EASY) -> None:
        self.readings = readings
        self.asked = 0  # how often the next reading was waited for
        self._fed = anyio.Event()

    def feed(self, **changes: Any) -> None:
        """The next reading is due: the last one with these changes."""
        self.readings = replace(self.readings, **changes)
        self._fed.set()

    def feed_memory(self, percent: float) -> None:
        """The next reading is due: so much of the memory is in use."""
        self.feed(memory_available_bytes=round(self.readings.memory_total_bytes * (1 - percent / 100)))

    def read(self) -> Readings:
        """What was fed last."""
        return self.readings

    async def next(self) -> Readings:
        """What is fed next, or was fed meanwhile."""
        self.asked += 1
        await self._fed.wait()
        self._fed = anyio.Event()
        return self.readings
