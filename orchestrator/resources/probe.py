"""The machine probe: who wants to know how the machine is asks it, now or again and again."""

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

import anyio
from anyio import to_thread

from orchestrator.resources.machine import Machine, Readings

INTERVAL_SECONDS = 1.0


class Probe(Protocol):
    """Says how the machine is. Duties: `read` answers at once; nothing is done between calls, so that an idle program stays idle."""

    def read(self) -> Readings:
        """How it is now."""
        ...

    async def next(self) -> Readings:
        """How it is when the next reading is due."""
        ...


class MachineProbe:
    """The real machine: a reading a second while somebody waits for one. `roots` names the processes whose trees are ours."""

    def __init__(self, folder: Path, *, roots: Callable[[], Collection[int]] | None = None) -> None:
        more = {} if roots is None else {"roots": roots}
        self._machine = Machine(folder, now_seconds=time.monotonic(), **more)

    def read(self) -> Readings:
        """Some small files of /proc and of the control groups: about a millisecond."""
        return self._machine.read(now_seconds=time.monotonic())

    async def next(self) -> Readings:
        """A second later. What looks at every process of the machine does so in a thread."""
        await anyio.sleep(INTERVAL_SECONDS)
        return await to_thread.run_sync(self._survey_and_read)

    def _survey_and_read(self) -> Readings:
        self._machine.survey(now_seconds=time.monotonic(), clock=time.thread_time)
        return self.read()
