"""Keeping the service manager informed: alive while the store answers, what is being done, more time while draining."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio

from orchestrator.daemon.sd import MICROSECONDS, Notifier
from orchestrator.daemon.stopping import Waiting
from orchestrator.errors import StoreError
from orchestrator.store.writer import Transaction

STATUS_SECONDS = 5.0
EXTENSION_SECONDS = 15.0
EXTEND_EVERY_SECONDS = 5.0


class Probe:
    """A change that changes nothing: when it is answered, the writer, its thread and the database are alive."""

    def apply(self, transaction: Transaction) -> None:
        """Nothing within a transaction of its own."""


async def ping_watchdog(notifier: Notifier, *, probe: Waiting, every_seconds: float) -> None:
    """Ping after each probe that is answered; a loop or a store that hangs misses it, and the manager restarts the daemon.

    A store that refuses (disk full) has answered: a restart would not mend it.
    """
    while True:
        with suppress(StoreError):
            await probe()
        notifier.tell(WATCHDOG=1)
        await anyio.sleep(every_seconds)


async def report_status(
    notifier: Notifier, *, status: Callable[[], str], changed: Waiting, every_seconds: float = STATUS_SECONDS
) -> None:
    """Tell what is being done, when it has changed, and not more often than that."""
    told = ""
    while True:
        text = status()
        if text == told:
            await changed()
            continue
        notifier.tell(STATUS=text)
        told = text
        await anyio.sleep(every_seconds)


def status_line(counts: Mapping[str, Any]) -> str:
    """`2 running, 1 queued, 0 paused; 2 of 4 slots busy, 38 evaluations wait`."""
    experiments, slots = counts["experiments"], counts["slots"]
    return (
        f"{experiments['running']} running, {experiments['queued']} queued, {experiments['paused']} paused; "
        f"{slots['busy']} of {slots['total']} slots busy, {counts['queue']['iterations']} evaluations wait"
    )


@asynccontextmanager
async def more_time(notifier: Notifier) -> AsyncIterator[None]:
    """Within the block the manager is asked again and again for more time to stop."""

    async def extend() -> None:
        while True:
            notifier.tell(EXTEND_TIMEOUT_USEC=int(EXTENSION_SECONDS * MICROSECONDS))
            await anyio.sleep(EXTEND_EVERY_SECONDS)

    async with anyio.create_task_group() as tasks:
        if notifier.listening:
            tasks.start_soon(extend, name="ask for more time")
        yield
        tasks.cancel_scope.cancel()
