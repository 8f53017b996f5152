"""Forgetting old events."""

import pytest

from orchestrator.daemon.retention import keep_events
from orchestrator.errors import StoreError
from orchestrator.store.changes.sweeps import KeepEvents


class Enough(Exception):
    """Ends what would go on for ever."""


@pytest.mark.asyncio
async def test_a_tenth_of_the_limit_comes_between_two_rounds() -> None:
    """It drops at the start, then after every 100 events of a limit of 1000; a refusing store only puts it off."""
    groups = iter([40, 59, 1, 250])
    log: list[int | str] = []

    async def write(change: KeepEvents) -> int:
        log.append(f"keep {change.keep}")
        if len(log) == 1:
            raise StoreError("disk full")
        return 0

    async def heard() -> list[int]:
        count = next(groups, None)
        if count is None:
            raise Enough
        log.append(count)
        return [0] * count

    with pytest.raises(Enough):
        await keep_events(write, heard, limit=1000)
    assert log == ["keep 1000", 40, 59, 1, "keep 1000", 250, "keep 1000"]
