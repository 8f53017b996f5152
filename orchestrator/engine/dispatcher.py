"""Carries admission out: holds the permits, sends batches to executors, hands results to their owners. Woken by events only."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import structlog
from anyio.abc import TaskGroup

from orchestrator.domain.evaluation import BatchResult
from orchestrator.domain.states import IterationState
from orchestrator.engine.admission import Admission, QueueView, Start, Wait
from orchestrator.engine.lanes import Lanes
from orchestrator.engine.later import Later
from orchestrator.engine.machine_watch import MachineWatch
from orchestrator.engine.named_locks import HeldLock, NamedLocks
from orchestrator.engine.permits import Permits
from orchestrator.engine.placing import MOST_LEARNT
from orchestrator.engine.queue import Match, RunningBatch, StageQueue, WorkQueue
from orchestrator.engine.room import Room
from orchestrator.engine.settling import with_objective
from orchestrator.engine.variant import ActiveVariant
from orchestrator.errors import ExecutorUnusable, StoreBlocked
from orchestrator.executors.base import Executor
from orchestrator.executors.outliving import LetGo, OutlivingExecutor

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much runs at one instant, and how long a batch of short evaluations is."""

    slots: int
    threads: int
    batch_seconds: float
    lanes: Lanes = field(default_factory=dict)


class Dispatcher:
    """One for the daemon. What it carries out is decided in `admission.py`, within the books of `permits.py` and `room.py`."""

    def __init__(self, executors: Mapping[str, Executor], watch: MachineWatch, *, sizes: Sizes, locks: Path) -> None:
        self.executors = executors
        self.slots, self.threads = slots, threads = sizes.slots, sizes.threads
        self.locks = NamedLocks(locks, changed=self.wake)
        self.permits = Permits({"slot": slots, "thread": threads})
        self.room = Room(watch, self.permits.totals, lanes=sizes.lanes)
        self._batch_seconds = sizes.batch_seconds
        self._queues: dict[int, WorkQueue] = {}
        self._admission = Admission((), {})
        self._closed: Wait | None = None
        self._changed = anyio.Event()
        self._idle = anyio.Event()
        self._turn = itertools.count(1)
        self.later = Later(changed=self.wake)
        self._adopted: list[tuple[WorkQueue, RunningBatch]] = []

    def executor(self, name: str) -> Executor:
        """The executor of that name. Raises ExecutorUnusable."""
        if name not in self.executors:
            known = ", ".join(sorted(self.executors))
            raise ExecutorUnusable(f"there is no executor {name!r} in this daemon; there are: {known}")
        return self.executors[name]

    def add(self, queue: WorkQueue) -> None:
        """Admit work of this experiment from now on."""
        self._queues[queue.experiment] = queue
        for stage in queue.stages.values():  # there may be fewer than when it was submitted
            stage.cpus = min(stage.cpus, self.permits.totals[stage.permit])
        self.wake()

    def remove(self, queue: WorkQueue) -> None:
        """Admit nothing of it any more; what it runs has ended."""
        self._queues.pop(queue.experiment, None)
        self.room.forget(queue.experiment)
        self.later.withdraw(queue, lambda _: True)
        self.wake()

    def wake(self) -> None:
        """Something changed: decide anew."""
        self._changed.set()

    def adopt(self, queue: WorkQueue, batch: RunningBatch) -> None:
        """See a batch through that an earlier daemon has sent."""
        self.permits.let_in(batch)
        self.room.enter(queue, batch)
        self._adopted.append((queue, batch))
        self.wake()

    def withdraw(self, queue: WorkQueue, match: Match, *, variant: ActiveVariant | None = None) -> None:
        """Take matching iterations that wait, for admission or for their time, out of an experiment's work, or of one `variant` of it."""
        if variant is None:
            queue.withdraw(match)
            self.later.withdraw(queue, match)
        elif any(one.state is IterationState.QUEUED for one in variant.iterations.values()):
            queue.withdraw(match)
            self.later.withdraw(queue, match, variant=variant.number)

    @property
    def waiting(self) -> int:
        """Iterations that could start and wait."""
        return sum(queue.ready + queue.delayed for queue in self._queues.values())

    def why(self, experiment: int, stage: str) -> Wait | None:
        """Why the next evaluation of a stage waits, by the last decision; None when it does not."""
        return self._admission.waits.get((experiment, stage))

    async def run(self) -> None:
        """Admit until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_machine, name="machine watch")
            while True:
                with anyio.move_on_after(self.later.until_next()):
                    await self._changed.wait()
                self._changed = anyio.Event()
                self.later.release()
                self._dispatch(tasks)

    async def _watch_machine(self) -> None:
        await self.room.watch.run(needed=self.room.engaged, told=self._machine_seen)

    def _machine_seen(self) -> None:
        self.room.relieve(batch for queue in self._queues.values() for batch in queue.running())
        if self._admission.waits:
            self.wake()

    def _dispatch(self, tasks: TaskGroup) -> None:
        while self._adopted:
            tasks.start_soon(self._run_batch, *self._adopted.pop())
        views = self._views()
        while not self._carry_out(views, tasks):
            views = self._views()
        self.locks.settle(self._needed(views), tasks.start_soon)

    def _views(self) -> list[QueueView]:
        permits = max(self.permits.totals.values())
        return [
            queue.view(
                permits=permits if queue_uses_threads(queue) else self.slots,
                target_seconds=self._batch_seconds,
                turns=self.room.turns(queue),
            )
            for queue in self._queues.values()
            if queue.ready
        ]

    def _carry_out(self, views: Sequence[QueueView], tasks: TaskGroup) -> bool:
        """Start what may start. False when others turned out to hold a lock: with that known, it is decided anew."""
        closed = self._closed or (Wait.RECORD if self.permits.overrun else None)
        self._admission = self.room.decide(views, self.permits.left(), locks=self.locks.view, closed=closed)
        return all(self._start(start, tasks) for start in self._admission.starts)

    def _start(self, start: Start, tasks: TaskGroup) -> bool:
        queue = self._queues[start.experiment]
        stage = queue.stages[start.stage]
        locks: tuple[HeldLock, ...] | None = ()
        if stage.locks:
            try:
                locks = self.locks.take(stage.locks, ref=stage.next_ref(queue.experiment), job=stage.job)
            except OSError as error:
                queue.owner.unusable(stage.name, f"its locks cannot be taken: {error}")
                return True
        if locks is None:
            return False
        queue.last_served = next(self._turn)
        batch = stage.take(start.count)
        batch.locks = locks
        self.room.enter(queue, batch)
        self.permits.let_in(batch)
        tasks.start_soon(self._run_batch, queue, batch)
        return True

    def _needed(self, views: Sequence[QueueView]) -> set[str]:
        """The named locks of what waits and may start once it has them."""
        open_views = () if self._closed else (view for view in views if not view.paused)
        return {
            name
            for view in open_views
            for stage in view.stages
            if stage.locks and self._queues[view.experiment].stages[stage.name].ready
            for name in stage.locks
        }

    async def _run_batch(self, queue: WorkQueue, batch: RunningBatch) -> None:
        try:
            try:
                with self.locks.lent(batch.locks):
                    if not batch.adopted:
                        await queue.owner.begin(batch)
                    result = await (self._see_out(queue, batch) if batch.adopted else self._execute(queue, batch))
            finally:
                self.permits.let_out(batch)
                batch.stage.admitted -= 1
                self.room.leave(queue, batch)
                self.wake()
            with self.permits.recording(batch):
                await queue.owner.end(batch, result)
            if result.receipt and isinstance(batch.executor, OutlivingExecutor):
                batch.executor.recorded(result.receipt)
        except LetGo:
            pass  # on record it runs, and so it does: the next daemon hears its end
        except StoreBlocked as error:  # it is stopped, or the daemon leaves, and waits for the store no longer
            log.warning("not_on_record", experiment=queue.experiment, stage=batch.stage.name, error=error.message)
        except Exception as error:  # a defect, of ours or of an executor, ends this experiment and no other
            log.exception("batch_failed", experiment=queue.experiment, stage=batch.stage.name)
            queue.owner.broken(error)
        finally:
            batch.stage.running.discard(batch)
            batch.stop.leave()
            batch.done.set()
            self._idle.set()
            self.wake()

    async def _execute(self, queue: WorkQueue, batch: RunningBatch) -> BatchResult:
        unstarted = BatchResult(outcomes={}, unstarted=tuple(range(len(batch.items))))
        doors = self.permits.doors(queue.parallel, batch)
        leader = None if doors.pass_at_once() else self._to_follow(queue, batch)
        if leader is not None and leader.doors is not None:
            leader.follower, batch.waits_behind, doors = batch, True, leader.doors.share()
        elif not doors.held and not await doors.pass_in_turn(batch.stop):
            return unstarted
        batch.doors = doors
        batch.begin(anyio.current_time())
        batch.sent = batch.payload(queue.plan, behind=leader)
        try:
            result = await batch.executor.run(batch.sent, batch.stop)
        except ExecutorUnusable as error:
            queue.owner.unusable(batch.stage.name, error.message)
            return unstarted
        finally:
            batch.sent = None
            doors.leave()
            if batch.follower is not None:
                batch.follower.waits_behind = False
                batch.follower.begin(anyio.current_time())
        self._learn(queue, batch, result)
        return result

    async def _see_out(self, queue: WorkQueue, batch: RunningBatch) -> BatchResult:
        """It executes already, whether there is a permit left for it or not."""
        doors = self.permits.doors(queue.parallel, batch)
        held = doors.pass_at_once()
        try:
            executor = batch.executor
            assert isinstance(executor, OutlivingExecutor)
            return await executor.adopt(batch.payload(queue.plan), batch.stop)
        finally:
            if held:
                doors.leave()

    def _to_follow(self, queue: WorkQueue, batch: RunningBatch) -> RunningBatch | None:
        """The batch that this one may follow in its process without a gap.

        None when somebody else's work waits for the permit too, and none at the end of the work, where it would be stuck if what it
        follows took unexpectedly long while another process has nothing to do.
        """
        if not batch.stage.ready or any(other.ready for other in self._queues.values() if other is not queue):
            return None
        return batch.stage.to_follow()

    def _learn(self, queue: WorkQueue, batch: RunningBatch, result: BatchResult) -> None:
        pace, typical = batch.stage.pace, batch.stage.typical
        if typical is not None:
            typical.learn(result.seconds_of_successes)
        if len(result.outcomes) < len(batch.items):
            pace.forget()
        seconds = anyio.current_time() - batch.started
        walls = result.wall_seconds
        batch.measured_seconds = sum(walls)
        self._learn_place(queue, batch, result)
        pace.learn(seconds=max(batch.measured_seconds, seconds / 2), count=len(walls))

    def _learn_place(self, queue: WorkQueue, batch: RunningBatch, result: BatchResult) -> None:
        placing = batch.stage.placing
        if placing is not None:
            batch.doubted = placing.doubts(batch.runs_on)
            judged = (with_objective(one, queue.plan, batch.stage.name) for one in result.first(MOST_LEARNT))
            placing.learn(batch.runs_on, judged)
            self.place(queue, batch.stage)

    def place(self, queue: WorkQueue, stage: StageQueue) -> None:
        """Run a stage where it is best run, by what is known of it."""
        placing = stage.placing
        placement = None if placing is None else placing.decide(stage.runs_on, permits=self.permits.totals)
        if placing is not None and placement is not None and placement.executor in self.executors:
            stage.move(placement.executor, self.executors[placement.executor])
            queue.placements.note(stage.name, placement)

    async def drain(self, seconds: float, *, everything: bool) -> None:
        """Start nothing more; give what runs `seconds`, then interrupt it; return when nothing runs.

        What outlives the daemon is not waited for and goes on, unless `everything` is to end.
        """
        self._closed = Wait.DRAINING
        self.wake()
        outliving = (
            set() if everything else {one for one in self.executors.values() if isinstance(one, OutlivingExecutor)}
        )
        with anyio.move_on_after(seconds):
            await self._until_idle(but=outliving)
        for executor in outliving:
            executor.let_go()
        for queue in self._queues.values():
            for batch in queue.running():
                batch.interrupted = True
                batch.stop.press()
        await self._until_idle()

    async def _until_idle(self, *, but: Collection[Executor] = ()) -> None:
        while any(batch.executor not in but for queue in self._queues.values() for batch in queue.running()):
            self._idle = anyio.Event()
            await self._idle.wait()


def queue_uses_threads(queue: WorkQueue) -> bool:
    """Whether any stage of an experiment runs on threads."""
    return any(stage.permit == "thread" for stage in queue.stages.values())
