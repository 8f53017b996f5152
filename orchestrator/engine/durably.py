"""Writes that must not be lost: a disk that is full or a database that is busy is waited for, not given up on."""

from typing import Protocol, TypeVar

import anyio
import structlog

from orchestrator.errors import StoreBlocked
from orchestrator.store.writer import Change, Writer

log = structlog.get_logger(__name__)
Result = TypeVar("Result")
RETRY_SECONDS = 1.0


class Switch(Protocol):
    """What ends a wait for room."""

    @property
    def pressed(self) -> bool:
        """Whether somebody has pressed it."""
        ...

    async def wait(self) -> None:
        """Return once it was pressed."""
        ...


class DurableWriter:
    """Tries each change again until the store takes it, or until it gives up. While one is refused, `degraded` says why."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.degraded: str | None = None
        self._giving_up = anyio.Event()

    def give_up(self) -> None:
        """The daemon leaves and can wait no longer: what the store refuses from now on is lost, and done again after the next start."""
        self._giving_up.set()

    async def write_now(self, change: Change[Result]) -> Result:
        """Apply a change a person waits for: whatever the store refuses is raised at once."""
        return await self._writer.write(change)

    async def write(self, change: Change[Result], *, stop: Switch | None = None) -> Result:
        """Apply a change, however long the store refuses it for want of room. Other refusals are raised, and that one once stopped."""
        while True:
            try:
                result = await self._writer.write(change)
            except StoreBlocked as error:
                if self.degraded is None:
                    log.error(
                        "store_refuses", change=type(change).__name__, error=error.message, retry_seconds=RETRY_SECONDS
                    )
                self.degraded = error.message
                if self._giving_up.is_set() or (stop is not None and stop.pressed):
                    raise
                with anyio.move_on_after(RETRY_SECONDS):
                    await (stop or self._giving_up).wait()
            else:
                if self.degraded is not None:
                    log.info("store_accepts_again")
                self.degraded = None
                return result
