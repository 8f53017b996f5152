"""One batch in one seat: sent, watched, and, when its process dies, reconstructed from its journal."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import structlog
from anyio import to_thread

from orchestrator.domain.evaluation import Batch, BatchResult
from orchestrator.domain.outcome import Outcome, Usage
from orchestrator.domain.successes import Successes
from orchestrator.executors import spool
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.lock_passing import runner_of
from orchestrator.executors.memory_guard import Followed, MemoryGuard
from orchestrator.executors.notes import artifacts_noted
from orchestrator.executors.payload import outcome_of, output_stem, payload_of
from orchestrator.executors.slot import Slot
from orchestrator.executors.slot_pool import LAST_WORDS_SECONDS, Seat
from orchestrator.executors.suspects import suspects_of
from orchestrator.executors.verdict import Death, verdict
from orchestrator.worker import journal, limits, outcomes
from orchestrator.worker.columns import Columns
from orchestrator.worker.failures import error_text

log = structlog.get_logger(__name__)

TRIM_SECONDS = 1.0
"""How often the captured output of what runs longer than this is kept within its limit."""

LOADING_SECONDS = 60.0
"""An import may take so long, or as long as the timeout when that is longer: it happens once for many evaluations."""

MOST_LEFT = 0.25
"""A process with a limit of memory is not used again when more of the limit than this has been left in it."""

_SLACK_SECONDS = 0.002


def all_unstarted(batch: Batch) -> BatchResult:
    """Nothing of the batch was begun."""
    return BatchResult(outcomes={}, unstarted=tuple(range(len(batch.evaluations))))


def _raised(answer: "asyncio.Future[Any]") -> str | None:
    """What `run_batch` raised, which it does only when an evaluation has broken the worker's own code."""
    error = answer.exception() if answer.done() and not answer.cancelled() else None
    return None if error is None or isinstance(error, BrokenExecutor) else error_text(error)


class Lease:
    """From sending a batch to knowing what came of every evaluation in it."""

    def __init__(self, seat: Seat, batch: Batch, *, guard: MemoryGuard, output_limit_bytes: int) -> None:
        self.seat = seat
        self.batch = batch
        self._limit_bytes = output_limit_bytes
        self._overdue: int | None = None
        self._trim_at = time.monotonic() + TRIM_SECONDS
        self._guard = guard
        self._held: Followed | None = None  # with a limit of memory
        self.suspect: int | None = None  # position of what may have ended the process, as something else may have

    async def run(self, stop: StopSwitch) -> BatchResult:
        """Never raises for anything the workload does. When cancelled, the process is dead before this returns."""
        slot, lane = self.seat
        journal.clear(lane.journal)
        payload = payload_of(self.batch, lane=lane.number, output_limit_bytes=self._limit_bytes)
        try:
            answer = asyncio.get_running_loop().run_in_executor(slot.pool, runner_of(self.batch, lane), payload)
        except BrokenExecutor:
            slot.kill()
            return all_unstarted(self.batch)
        try:
            await self._wait(answer, stop)
        except anyio.get_cancelled_exc_class():
            answer.cancel()
            with anyio.CancelScope(shield=True):
                slot.kill()
                await slot.died.wait()
                await to_thread.run_sync(self._keep_output)
            raise
        if answer.done() and not answer.cancelled() and answer.exception() is None:
            return self._completed(answer.result())
        broke = None if slot.killed else _raised(answer)
        answer.cancel()
        return await self._reconstructed(broke)

    async def _wait(self, answer: "asyncio.Future[Any]", stop: StopSwitch) -> None:
        """Until there is an answer, or the process is dead and none has come; it is killed when the batch is stopped.

        One task does it all: a second one, cancelled at the end of every batch, would leave a cycle that keeps the batch in memory.
        """
        over = anyio.Event()
        answer.add_done_callback(lambda _: over.set())
        slot = self.seat.slot
        slot.waiting.add(over)
        try:
            with self._held_within_limits(), stop.acting(slot.kill):
                while not over.is_set():
                    await self._watch(over, stop)
        finally:
            slot.waiting.discard(over)

    # ------------------------------------------------------------------------------------------------------------ watch

    async def _watch(self, over: anyio.Event, stop: StopSwitch) -> None:
        """For a while: kill the process when an evaluation's time is up; keep its output within its limit."""
        with anyio.move_on_after(max(0.0, min(self._remaining(), TRIM_SECONDS))):
            await over.wait()
            return
        if stop.pressed or self._overdue is not None:
            await over.wait()  # it is being killed
        elif self._remaining() <= 0:
            self._overdue = journal.glance(self.seat.lane.journal).executing
            self.seat.slot.kill()
            await over.wait()
        elif time.monotonic() >= self._trim_at:
            await to_thread.run_sync(self._trim)
            self._trim_at = time.monotonic() + TRIM_SECONDS

    @contextmanager
    def _held_within_limits(self) -> Iterator[None]:
        """Have the memory of what executes looked at, when it is limited."""
        limit_bytes, slot = self.batch.job.memory_bytes, self.seat.slot
        if limit_bytes is None:
            yield
            return
        self._held = Followed(
            slot.pid, limit_bytes, glance=partial(journal.glance, self.seat.lane.journal), kill=slot.kill
        )
        with self._guard.following(self._held):
            yield

    def _remaining(self) -> float:
        """Seconds until the evaluation that executes now must have ended; a whole timeout when none executes."""
        limit = self.batch.job.timeout_seconds
        if limit is None:
            return float("inf")
        now = journal.glance(self.seat.lane.journal)
        if now.loading:
            limit = max(limit, LOADING_SECONDS)
        if now.executing is None:
            return limit
        remaining = now.started_ns / 1e9 + limit - time.monotonic()
        return remaining + _SLACK_SECONDS if remaining > 0 else remaining

    def _trim(self) -> None:
        slot, lane = self.seat
        if journal.glance(lane.journal).executing is None:
            return  # what is printed now, if anything, belongs to the batch before it
        try:
            spool.trim(lane.spool, journal=lane.journal, limit_bytes=self._limit_bytes)
            if slot.spool != lane.spool:
                spool.trim(slot.spool, journal=None, limit_bytes=self._limit_bytes)
        except OSError as error:
            log.warning("output_not_trimmed", spool=lane.spool, error=str(error))

    def executing(self) -> tuple[int, int, int] | None:
        """The variant, iteration and attempt that execute at this moment."""
        position = journal.glance(self.seat.lane.journal).executing
        return None if position is None else self._place(position)

    def _place(self, position: int) -> tuple[int, int, int] | None:
        if position >= len(self.batch.evaluations):
            return None
        evaluation = self.batch.evaluations[position]
        return evaluation.variant, evaluation.iteration, evaluation.attempt

    # ---------------------------------------------------------------------------------------------------------- results

    def _completed(self, raws: list[dict[str, Any]] | Columns) -> BatchResult:
        if isinstance(raws, Columns):
            slot = self.seat.slot
            return BatchResult(outcomes=Successes(*raws, pid=slot.pid, start_ticks=slot.start_ticks))
        if self._held is not None:
            self._retire_when_swollen(self.seat.slot, self._held.limit_bytes)
        return BatchResult(outcomes={position: self._outcome(position, raw) for position, raw in enumerate(raws)})

    def _retire_when_swollen(self, slot: Slot, limit_bytes: int) -> None:
        """What evaluations have left in a process would be counted as the next one's: then that gets a fresh one."""
        now = limits.held_by(limits.tree_of([slot.pid])).total_bytes
        slot.resting_bytes = slot.resting_bytes or now
        slot.retired = slot.retired or now - slot.resting_bytes > MOST_LEFT * limit_bytes

    def _outcome(self, position: int, raw: dict[str, Any]) -> Outcome:
        if "output_error" in raw:
            log.warning("output_lost", experiment=self.batch.job.experiment, error=raw["output_error"])
        if self._held is not None and position in self._held.peaks:  # of all its processes, and not only of the slot
            raw = {**raw, "max_rss_bytes": max(raw.get("max_rss_bytes") or 0, self._held.peaks[position])}
        return outcome_of(raw, pid=self.seat.slot.pid, start_ticks=self.seat.slot.start_ticks)

    async def _reconstructed(self, broke: str | None) -> BatchResult:
        """The process is dead, or dying, or `broke` shows it to be unfit: what had finished is in the journal."""
        slot = self.seat.slot
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(LAST_WORDS_SECONDS):
                await slot.died.wait()
            slot.mute = slot.mute or (broke is None and slot.runs and not slot.killed)
            slot.kill_if_alive()
            await slot.died.wait()
            exit_status = await to_thread.run_sync(slot.reap)
            return await to_thread.run_sync(self._judge, exit_status, broke)
        raise AssertionError("a shielded scope swallows nothing")

    def _judge(self, exit_status: int | None, broke: str | None) -> BatchResult:
        slot, lane = self.seat
        now = journal.glance(lane.journal)
        finished = self._finished()
        executing = None if now.executing in finished else now.executing
        output_bytes = self._keep_output() if executing is not None else None
        suspects = suspects_of(slot, lane)
        if slot.mute and suspects == 1:
            broke = broke or "it has closed the pipes through which it answers"
        death = Death(
            exit_status=exit_status,
            executing=executing,
            loading=self.batch.job.call if now.loading else None,
            killed=slot.killed and not slot.mute,
            broke=broke,
            overdue=self._overdue,
            timeout_seconds=self.batch.job.timeout_seconds,
            exceeded=None if self._held is None else self._held.exceeded,
            memory_bytes=self.batch.job.memory_bytes,
            suspects=suspects,
            usage=self._usage(now.started_ns, output_bytes),
        )
        result = verdict(len(self.batch.evaluations), finished=finished, death=death)
        result = self._with_artifacts(result, executing)
        if death.unclear and result.interrupted:
            self.suspect = executing
        return result

    def _with_artifacts(self, result: BatchResult, executing: int | None) -> BatchResult:
        """What the evaluation that executed had kept stays its own."""
        ended = None if executing is None else result.outcomes.get(executing)
        if executing is None or ended is None:
            return result
        kept = artifacts_noted(journal.frames(self.seat.lane.journal), executing)
        return replace(result, outcomes={**result.outcomes, executing: ended._replace(artifacts=kept)})

    def _finished(self) -> dict[int, Outcome]:
        found: dict[int, Outcome] = {}
        for frame in journal.frames(self.seat.lane.journal):
            raw = outcomes.unpack(frame.kind, frame.payload)
            if raw is not None and frame.position < len(self.batch.evaluations):
                try:
                    found[frame.position] = self._outcome(frame.position, raw)
                except (KeyError, TypeError, ValueError):
                    break  # written over by the workload that then crashed: what follows cannot be trusted
        return found

    def _keep_output(self) -> int | None:
        """What the evaluation that executed last had printed becomes its output."""
        place = self.executing()
        if place is None:
            return None
        lane = self.seat.lane
        try:
            stem = output_stem(self.batch.job, place)
            return spool.keep(lane.spool, stem, journal=lane.journal, limit_bytes=self._limit_bytes)
        except OSError as error:
            log.warning("output_lost", experiment=self.batch.job.experiment, error=str(error))
            return None

    def _usage(self, started_ns: int, output_bytes: int | None) -> Usage:
        """Of the evaluation that executed when its process died."""
        wall = max(0.0, time.monotonic() - started_ns / 1e9)
        finished_us = time.time_ns() // 1000
        return Usage(
            started_us=finished_us - int(wall * 1e6),
            finished_us=finished_us,
            wall_seconds=wall,
            output_bytes=output_bytes,
            pid=self.seat.slot.pid,
            start_ticks=self.seat.slot.start_ticks,
        )
