"""What the executors that run callables in processes of this machine have in common."""

import contextlib
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import anyio
from anyio.abc import TaskGroup

from orchestrator.domain.evaluation import Batch, BatchResult, Evaluation, Job
from orchestrator.errors import ExecutorUnusable
from orchestrator.executors import spool
from orchestrator.executors.base import Abilities, StopSwitch
from orchestrator.executors.hearing import hearing
from orchestrator.executors.lease import Lease, all_unstarted
from orchestrator.executors.memory_guard import MemoryGuard
from orchestrator.executors.slot import key_of
from orchestrator.executors.slot_pool import Seat, SlotPool
from orchestrator.executors.suspects import Suspects
from orchestrator.executors.waiting import unless_pressed

PREPARE_SECONDS = 60.0


class LocalExecutor:
    """Seats in a pool of processes, a lease for each batch. Subclasses say what a process is and how many there are."""

    name: ClassVar[str]
    abilities: Abilities

    def __init__(self, pool: SlotPool, *, output_limit_bytes: int) -> None:
        self._pool = pool
        self._limit_bytes = output_limit_bytes
        self._leases: set[Lease] = set()
        self._suspects = Suspects()
        self._preparing: set[tuple[int, StopSwitch]] = set()  # for which experiments
        self._guard = MemoryGuard()
        self._watch: TaskGroup

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        self._watch = await anyio.create_task_group().__aenter__()
        self._watch.start_soon(self._guard.run, name="memory guard")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.cancel_scope.cancel()
        try:
            await self._watch.__aexit__(None, None, None)
        finally:
            await self._pool.__aexit__(kind, error, trace)

    async def run(self, batch: Batch, stop: StopSwitch) -> BatchResult:
        """As the contract of executors says."""
        if batch.job.call is None:
            raise ExecutorUnusable(
                f"stage {batch.job.stage!r}: {self.name!r} runs callables; commands run in 'isolated'"
            )
        if batch.job.memory_bytes is not None and not self.abilities.bounds_memory:
            raise ExecutorUnusable(f"stage {batch.job.stage!r}: {self.name!r} cannot hold a limit of memory")
        if stop.pressed:
            return all_unstarted(batch)
        suspect = self._suspects.first_in(batch)
        if suspect is not None:
            return await self._run_alone(batch, suspect, stop)
        seat = self._seat_behind(batch.behind) or await self._seat(batch.job, stop)
        return await self._run_in(seat, batch, stop)

    def may_follow(self, batch: Batch) -> bool:
        """Whether a batch can be sent right now to follow this one in its process.

        Never with a limit of memory: what the first one leaves in the process must be looked at before anything else runs there.
        """
        return batch.job.memory_bytes is None and any(
            lease.batch is batch and self._pool.has_room_behind(lease.seat) for lease in self._leases
        )

    def _seat_behind(self, first: Evaluation | None) -> Seat | None:
        if first is None:
            return None
        leases = (lease for lease in self._leases if first in lease.batch.evaluations[:1])
        return next((self._pool.behind(lease.seat) for lease in leases), None)

    async def _run_alone(self, batch: Batch, position: int, stop: StopSwitch) -> BatchResult:
        """One evaluation of a batch, in a process that nothing else runs in; the others stay unstarted."""
        single = replace(batch, evaluations=(batch.evaluations[position],))
        key = key_of(batch.job)
        seat = await unless_pressed(stop, lambda: self._pool.lone_seat(key), undo=self._pool.give_back)
        with stop.only(position) as alone:
            result = await self._run_in(seat, single, alone)
        self._suspects.clear(single, result)
        begun = position if not result.unstarted else None
        return BatchResult(
            outcomes={position: result.outcomes[0]} if result.outcomes else {},
            interrupted=(position,) if result.interrupted else (),
            unstarted=tuple(place for place in range(len(batch.evaluations)) if place != begun),
            used={position: result.used[0]} if 0 in result.used else {},
        )

    async def _run_in(self, seat: Seat | None, batch: Batch, stop: StopSwitch) -> BatchResult:
        if seat is None:
            return all_unstarted(batch)
        lease = Lease(seat, batch, guard=self._guard, output_limit_bytes=self._limit_bytes)
        self._leases.add(lease)
        try:
            lane = seat.lane
            with hearing(lane.journal, lane.bell, stop=stop, count=len(batch.evaluations)):
                result = await lease.run(stop)
            if lease.suspect is not None:
                self._suspects.add(batch, lease.suspect)
            return result
        finally:
            self._leases.discard(lease)
            self._pool.give_back(seat)

    async def _seat(self, job: Job, stop: StopSwitch) -> Seat | None:
        """A seat, or None when the batch was stopped before there was one."""
        key = key_of(job)
        if (seat := self._pool.seat_at_once(key)) is not None:
            return seat
        return await unless_pressed(stop, lambda: self._pool.seat(key), undo=self._pool.give_back)

    async def prepare(self, job: Job) -> None:
        """Start a process for this job and let it import the workload; what goes wrong shows in `run`. Not once it is retired."""
        stop = StopSwitch()
        self._preparing.add((job.experiment, stop))
        try:
            with contextlib.suppress(ExecutorUnusable), anyio.move_on_after(PREPARE_SECONDS):
                await self.run(Batch(job=job, evaluations=()), stop)
        finally:
            self._preparing.discard((job.experiment, stop))

    async def retire(self, experiment: int) -> None:
        """End the idle processes that hold this experiment's code; busy ones end with their batches, those being prepared at once."""
        self._suspects.forget(experiment)
        for prepared, stop in tuple(self._preparing):
            if prepared == experiment:
                stop.press()
        await self._pool.retire(experiment)

    def live_output(self, variant: int, iteration: int, attempt: int, *, experiment: int) -> tuple[Path, Path] | None:
        """Where a running attempt prints to at this moment (stdout, stderr); None when it does not run here."""
        for lease in self._leases:
            if lease.batch.job.experiment == experiment and lease.executing() == (variant, iteration, attempt):
                return spool.paths_of(lease.seat.lane.spool)
        return None
