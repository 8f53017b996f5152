"""Keeping the service manager informed."""

import socket
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from orchestrator.daemon.manager import more_time, ping_watchdog, report_status, status_line
from orchestrator.daemon.sd import Notifier


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[socket.socket]:
    """What a service manager is told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


def told(inbox: socket.socket) -> list[str]:
    """All messages that have come."""
    messages = []
    while True:
        try:
            messages.append(inbox.recv(1000).decode())
        except BlockingIOError:
            return messages


class Enough(Exception):
    """Ends a watch that would go on for ever."""


@pytest.mark.asyncio
async def test_each_ping_follows_a_probe(inbox: socket.socket) -> None:
    """A probe that fails or hangs is not followed by a ping."""
    probes = 0

    async def probe() -> None:
        nonlocal probes
        probes += 1
        if probes == 3:
            raise Enough

    with pytest.raises(Enough):
        await ping_watchdog(Notifier(inbox.getsockname()), probe=probe, every_seconds=0.0)
    assert told(inbox) == ["WATCHDOG=1", "WATCHDOG=1"]


@pytest.mark.asyncio
async def test_the_status_is_told_when_it_changes(inbox: socket.socket) -> None:
    """The same text is told once, however often something happens."""
    texts = iter(["a", "a", "a", "b", "b"])
    changes = 0

    async def changed() -> None:
        nonlocal changes
        changes += 1
        if changes == 3:
            raise Enough

    with pytest.raises(Enough):
        await report_status(
            Notifier(inbox.getsockname()), status=lambda: next(texts), changed=changed, every_seconds=0.0
        )
    assert told(inbox) == ["STATUS=a", "STATUS=b"]


@pytest.mark.asyncio
async def test_more_time_is_asked_for_while_draining(inbox: socket.socket) -> None:
    """Within the block EXTEND_TIMEOUT_USEC is sent at once; after it nothing more is."""
    async with more_time(Notifier(inbox.getsockname())):
        await anyio.wait_all_tasks_blocked()
    assert told(inbox) == ["EXTEND_TIMEOUT_USEC=15000000"]


def test_the_status_line_counts() -> None:
    """It names experiments by state, slots in use and what waits."""
    counts = {
        "slots": {"total": 4, "busy": 2},
        "queue": {"iterations": 38},
        "experiments": {"running": 2, "paused": 0, "queued": 1},
    }
    assert status_line(counts) == "2 running, 1 queued, 0 paused; 2 of 4 slots busy, 38 evaluations wait"
