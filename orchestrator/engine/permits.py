"""How much may run at one instant: slots and threads, who was let in to them, and results that are not on record yet. Books only."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import anyio

from orchestrator.engine.admission import STANDBY
from orchestrator.engine.doors import Doors
from orchestrator.engine.queue import RunningBatch

MOST_UNRECORDED = 3000
"""Nothing starts while the results of so many evaluations are not on record yet: they would pile up in memory."""


class Permits:
    """Semaphores by kind: a slot or a thread is held from admission until the executor has answered."""

    def __init__(self, totals: Mapping[str, int]) -> None:
        self.totals = totals
        self._semaphores = {kind: anyio.Semaphore(total) for kind, total in totals.items()}
        self._let_in = dict.fromkeys(totals, 0)  # permits of batches whose result is not there yet
        self._unrecorded = 0  # evaluations whose result is there

    @property
    def busy(self) -> dict[str, int]:
        """Those that are held."""
        return {kind: self.totals[kind] - semaphore.value for kind, semaphore in self._semaphores.items()}

    @property
    def overrun(self) -> bool:
        """Whether results come faster than they are put on record."""
        return self._unrecorded > MOST_UNRECORDED

    def let_in(self, batch: RunningBatch) -> None:
        """A batch has some, or waits at the door for them."""
        self._let_in[batch.permit] += batch.stage.cpus

    def let_out(self, batch: RunningBatch) -> None:
        """Its result is there."""
        self._let_in[batch.permit] -= batch.stage.cpus

    def left(self) -> dict[str, int]:
        """Those nobody was let in to, with the places at the door."""
        left = {kind: self.totals[kind] - count for kind, count in self._let_in.items()}
        at_the_door = -sum(min(0, free) for free in left.values())
        return {kind: max(0, free) for kind, free in left.items()} | {
            STANDBY: max(0, self.totals["slot"] - at_the_door)
        }

    def doors(self, parallel: anyio.Semaphore, batch: RunningBatch) -> Doors:
        """What a batch passes before it executes: its experiment's limit, its executor's width, its permits."""
        return Doors(parallel, batch.narrow, *itertools.repeat(self._semaphores[batch.permit], batch.stage.cpus))

    @contextmanager
    def recording(self, batch: RunningBatch) -> Iterator[None]:
        """Its result is being put on record."""
        self._unrecorded += len(batch.items)
        try:
            yield
        finally:
            self._unrecorded -= len(batch.items)
