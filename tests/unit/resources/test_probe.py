"""The probe of the real machine."""

from pathlib import Path

import anyio
import pytest

from orchestrator.resources import MachineProbe

pytestmark = pytest.mark.asyncio


async def test_the_next_reading_comes_by_itself(tmp_path: Path) -> None:
    """Whoever waits for the next reading gets one in a few seconds; it is of this machine."""
    probe = MachineProbe(tmp_path)
    with anyio.fail_after(10):
        readings = await probe.next()
    assert readings.memory_total_bytes == probe.read().memory_total_bytes
    assert 0 < readings.memory_percent < 100
