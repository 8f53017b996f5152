"""What there is room for: the last reading of the machine, what of it is promised already, whose turn it is. Books, no decisions."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import anyio
import structlog

from orchestrator.engine.admission import MEMORY, MEMORY_SOON, Admission, QueueView, Wait, admit
from orchestrator.engine.fresh import Shelf
from orchestrator.engine.lanes import Lanes, free_workers
from orchestrator.engine.lock_books import LockView
from orchestrator.engine.machine_watch import MachineWatch
from orchestrator.engine.pressure import Running, memory_left_bytes, victim
from orchestrator.engine.queue import RunningBatch, WorkQueue
from orchestrator.engine.shares import Turns, turns_of

log = structlog.get_logger(__name__)


class Room:
    """One for the daemon. Told of every batch that is let in and of every one that has come back."""

    def __init__(self, watch: MachineWatch, kinds: Iterable[str], *, lanes: Lanes) -> None:
        self.watch = watch
        self.lanes = lanes
        self.shelf = Shelf()
        self._in_lanes: Counter[str] = Counter()  # batches let in, by lane
        self._turns = {kind: Turns() for kind in kinds}
        self._held = dict.fromkeys(self._turns, 0)  # batches let in
        self._promised_bytes = 0
        self._undeclared = 0  # batches let in that may use any amount of memory
        self._engaged = anyio.Event()

    def turns(self, queue: WorkQueue) -> Mapping[str, float]:
        """Whose turn it is: that of an experiment with something ready, by kind of permit."""
        if queue.paused:
            self._rest(queue.experiment)
        return turns_of(self._turns, queue.experiment, now=anyio.current_time())

    def _rest(self, experiment: int) -> None:
        for turns in self._turns.values():
            turns.rest(experiment)

    def forget(self, experiment: int) -> None:
        """It has ended."""
        for turns in self._turns.values():
            turns.forget(experiment)

    def decide(
        self, views: Sequence[QueueView], free: Mapping[str, int], *, locks: LockView, closed: Wait | None
    ) -> Admission:
        """What starts now, as the machine is."""
        if views and not self._engaged.is_set():
            self.watch.look()
        pressure = self.watch.pressure
        running = sum(self._held.values())
        if any(stage.claims for view in views for stage in view.stages):
            memory = self.free_memory_bytes()
            free = {**free, MEMORY: memory, MEMORY_SOON: memory + self._promised_bytes}
        free = {**free, **free_workers(self.lanes, self._in_lanes)}
        if closed is not None or not pressure.closed:
            found = admit(views, free, locks=locks, closed=closed)
        else:
            despite = max(0, pressure.despite - running)
            found = admit(views, free, locks=locks, closed=pressure.closed[0], despite=despite)
        if running or found.starts or any(wait is not Wait.PAUSED for wait in found.waits.values()):
            self._engaged.set()
        elif self._engaged.is_set():
            self._engaged = anyio.Event()
        return found

    async def engaged(self) -> None:
        """Return when something runs or could run."""
        await self._engaged.wait()

    def free_memory_bytes(self) -> int:
        """What a batch may claim."""
        return memory_left_bytes(self.watch.readings, reserved_bytes=self._promised_bytes, undeclared=self._undeclared)

    def enter(self, queue: WorkQueue, batch: RunningBatch) -> None:
        """A batch is let in."""
        kind, memory = batch.permit, batch.stage.job.memory_bytes
        self._held[kind] += 1
        self._promised_bytes += memory or 0
        self._undeclared += memory is None
        self._in_lanes[batch.stage.lane.name if batch.stage.lane else ""] += 1
        expected = batch.stage.expected_seconds(len(batch.items))
        turns = self._turns[kind]
        batch.served = turns.start(
            queue.experiment, weight=queue.weight, expected_seconds=expected, now=anyio.current_time()
        )

    def leave(self, queue: WorkQueue, batch: RunningBatch) -> None:
        """Its result is there."""
        kind, memory = batch.permit, batch.stage.job.memory_bytes
        self._held[kind] -= 1
        self._promised_bytes -= memory or 0
        self._undeclared -= memory is None
        self._in_lanes[batch.stage.lane.name if batch.stage.lane else ""] -= 1
        if batch.served is not None:
            self._turns[kind].end(batch.served, lasted_seconds=batch.lasted_seconds(anyio.current_time()))
        if not queue.ready:
            self._rest(queue.experiment)

    def relieve(self, batches: Iterable[RunningBatch]) -> None:
        """Stop the newest that can be run again when memory is about to run out; not while another one is still giving way."""
        if not self.watch.pressure.critical:
            return
        executing = [batch for batch in batches if (batch.sent or batch.adopted) and not batch.waits_behind]
        if any(batch.evicted for batch in executing):
            return
        found = victim(
            Running(
                batch,
                batch.started,
                max(item.iteration.evictions for item in batch.items),
                batch.executor.abilities.can_kill and not batch.stop.pressed,
            )
            for batch in executing
        )
        if found is not None:
            self._evict(found.key)

    def _evict(self, batch: RunningBatch) -> None:
        readings, limit = self.watch.readings, self.watch.thresholds.memory_critical_percent
        batch.evicted = (
            f"stopped because memory ran out: {readings.memory_percent:.0f} % of it were in use, more than "
            f"memory_critical_percent ({limit:g}); it was the newest and is run again, uncounted"
        )
        log.warning(
            "evaluation_gives_way",
            experiment=batch.stage.job.experiment,
            stage=batch.stage.name,
            memory_percent=round(readings.memory_percent, 1),
            memory_available_bytes=readings.memory_available_bytes,
        )
        batch.stop.press()
