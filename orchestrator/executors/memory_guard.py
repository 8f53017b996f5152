"""Looks at the memory of the processes whose evaluations have a limit. One look in a thread for all of them; none while nobody has one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
from anyio import to_thread

from orchestrator.worker.journal import Glance
from orchestrator.worker.limits import Meter, pause_seconds


class Followed:
    """One batch in a process, and what its evaluations held. Looked at in a thread, read in the event loop."""

    def __init__(self, pid: int, limit_bytes: int, *, glance: Callable[[], Glance], kill: Callable[[], None]) -> None:
        self.exceeded: tuple[int, int] | None = None  # position, bytes
        self.peaks: dict[int, int] = {}  # by position
        self.limit_bytes = limit_bytes
        self._pid = pid
        self._meter = Meter(limit_bytes)
        self._glance = glance
        self._kill = kill
        self._seen: tuple[int, int] | None = None

    def look(self) -> bool:
        """Whether the evaluation that executes holds too much. Blocks for a moment."""
        before = self._executing()
        if before is None:
            return False
        if before != self._seen:
            self._meter.reset()
        self._seen = before
        used = self._meter.exceeded([self._pid])
        if self._executing() != before or self._meter.peak_bytes is None:
            return False  # it has ended meanwhile: what was seen may be of another
        position, _ = before
        self.peaks[position] = self._meter.peak_bytes
        if used is not None:
            self.exceeded = position, used
        return used is not None

    def _executing(self) -> tuple[int, int] | None:
        """Position and start of the evaluation that executes."""
        now = self._glance()
        return None if now.executing is None else (now.executing, now.started_ns)

    def end(self) -> None:
        """Kill the process, unless the evaluation has just ended by itself."""
        if self._executing() == self._seen:
            self._kill()
        else:
            self.exceeded = None


class MemoryGuard:
    """Kills what holds too much, as long as `run` runs."""

    def __init__(self) -> None:
        self._followed: set[Followed] = set()
        self._wanted = anyio.Event()

    @contextmanager
    def following(self, followed: Followed) -> Iterator[Followed]:
        """Look at one more meanwhile."""
        self._followed.add(followed)
        self._wanted.set()
        try:
            yield followed
        finally:
            self._followed.discard(followed)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted = anyio.Event()
            took = 0.0
            while self._followed:
                await anyio.sleep(pause_seconds(took))
                began = time.monotonic()
                for followed in await to_thread.run_sync(_look, tuple(self._followed)):
                    if followed in self._followed:
                        followed.end()
                took = time.monotonic() - began


def _look(all_followed: tuple[Followed, ...]) -> list[Followed]:
    return [followed for followed in all_followed if followed.look()]
