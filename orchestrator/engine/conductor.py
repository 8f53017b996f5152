"""One experiment's workflow: generate → evaluate → gate → select → decide, round after round, until it ends.

Where it stands is the phase on record, which moves in the same transaction as the facts it follows from; a restarted daemon goes on
from there. What is decided comes from `search`; here it is carried out.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import anyio
import structlog

from orchestrator.domain.states import ENDED_EXPERIMENT, ExperimentState, Phase
from orchestrator.engine import rounds
from orchestrator.engine.code import CODE_CHANGED, Places
from orchestrator.engine.dispatcher import Dispatcher
from orchestrator.engine.durably import DurableWriter
from orchestrator.engine.evaluation import Evaluation
from orchestrator.engine.loading import recall_times
from orchestrator.engine.plan import APPROACH, Plan
from orchestrator.engine.queue import WorkQueue, pausing
from orchestrator.engine.report_writer import ReportWriter
from orchestrator.engine.time_limits import UsedUp
from orchestrator.engine.trouble import Trouble
from orchestrator.search.decide import RoundSummary
from orchestrator.search.registry import strategies
from orchestrator.store.changes.experiments import AcceptCode, EnterPhase
from orchestrator.store.changes.pauses import PauseExperiment, ResumeExperiment
from orchestrator.store.changes.rounds import BeginExperiment
from orchestrator.store.changes.sweeps import CutShort, EndEarly, Retried, RetryWork
from orchestrator.store.times import now_us
from orchestrator.store.views import Views

log = structlog.get_logger(__name__)

CANCELLED = Trouble(rule="cancelled", reason="cancelled by hand")


class Conductor:
    """Leads one experiment from where it stands to its end."""

    def __init__(
        self, plan: Plan, store: DurableWriter, views: Views, *, dispatcher: Dispatcher, report_writer: ReportWriter
    ) -> None:
        self.plan = plan
        self.evaluation = Evaluation(plan, store, views, dispatcher=dispatcher, report_writer=report_writer)
        self.state = ExperimentState.QUEUED
        self.phase: Phase | None = None
        self.round = 0
        self.ended = anyio.Event()
        self._store = store
        self._views = views
        self._dispatcher = dispatcher
        self._resumed = anyio.Event()
        self._proposing = anyio.CancelScope()  # of the present round
        self._turn = anyio.Lock()  # held by every phase but evaluating, and by whoever changes the phase from outside
        self._moving = anyio.Lock()  # held, after the turn, by whoever moves the experiment to another state
        self._stop: Trouble | None = None
        self._limit_reached: str | None = None
        self._history: list[RoundSummary] = []
        self._generator, self._selector = strategies(plan.spec)

    async def run(self) -> None:
        """Go on from what was taken up; returns when the experiment has ended."""
        self._dispatcher.add(self.evaluation.queue)
        try:
            while self.state not in ENDED_EXPERIMENT:
                await self._unpaused()
                await self._next_phase()
        finally:
            self._dispatcher.remove(self.evaluation.queue)
        await self.evaluation.queue.placements.remember(self._store)

    async def take_up(self, whole: Mapping[str, Any]) -> None:
        """Read where it stands, before anybody can ask anything of it; `whole` is what the views say of it."""
        self.state = ExperimentState(whole["state"])
        self.phase = Phase(whole["phase"]) if whole["phase"] else None
        self.round = whole["round"]
        self.evaluation.queue.paused = self.state is ExperimentState.PAUSED
        self.evaluation.times.start(whole["started_us"])
        await self._place()
        if self.round <= 1 and self.phase in {None, Phase.GENERATING} and self.plan.spec.limits.wall_seconds is None:
            return  # nothing can have been evaluated
        await recall_times(self._views, self.evaluation.queue)
        lanes = await self._views.read("lane_times", {"experiment": self.plan.experiment})
        self._limit_reached = self.evaluation.times.recall(lanes)
        await rounds.count_what_ended(self._views, self.plan, self.evaluation.tally)
        await self.evaluation.reports.recall(self._views)
        if self.phase is not Phase.GENERATING:
            cut = await rounds.cut_before(self._generator, self.plan, self.round, views=self._views)
            self._limit_reached = self._limit_reached or cut

    async def _place(self) -> None:
        """Where its stages begin, by what is known of their code."""
        await self.evaluation.queue.placements.recall(self._views)
        for stage in self.evaluation.queue.stages.values():
            self._dispatcher.place(self.evaluation.queue, stage)

    async def _next_phase(self) -> None:
        if self._stop is not None:
            await self._end_early(self._stop)
        elif self.phase is Phase.EVALUATING:
            await self._evaluate()
        else:
            async with self._turn:
                await self._short_phase()

    async def _short_phase(self) -> None:
        if self.phase is None:
            await self._begin()
        elif self.phase is Phase.GENERATING:
            await self._generate()
        elif self.phase is Phase.GATING:
            await self._gate()
        elif self.phase is Phase.SELECTING:
            await self._select()
        elif self.phase is Phase.DECIDING:
            await self._decide()

    # The phases, in order

    async def _begin(self) -> None:
        self.state = await self._store.write(BeginExperiment(experiment=self.plan.experiment, approach=APPROACH))
        if self.state is ExperimentState.RUNNING:
            if self.plan.spec.limits.wall_seconds is not None:
                self.evaluation.times.start((await self._views.whole(self.plan.experiment))["started_us"])
            self._enter(Phase.GENERATING, 1)

    async def _generate(self) -> None:
        with anyio.CancelScope() as self._proposing:
            if self._stop is not None:
                return
            cut = await rounds.propose(self._generator, self.plan, self.round, self._views, store=self.evaluation.fresh)
            self._limit_reached = self._limit_reached or cut
            self._enter(Phase.EVALUATING, self.round)

    async def _evaluate(self) -> None:
        while await self._more_to_evaluate():
            self._stop = self._stop or self.evaluation.results.trouble
            if self._stop is not None:
                return
            if self.evaluation.results.code_changed:
                await self._pause_for_code()
            times, now = self.evaluation.times, now_us()
            used_up = times.used_up(now, lanes=_busy_lanes(self.evaluation.queue))
            if used_up is not None:
                await self._cut_short(used_up)
                break
            with anyio.move_on_after(times.seconds_left(now)):
                await self.evaluation.changed()
        async with self._turn:
            self._stop = self._stop or self.evaluation.results.trouble
            going_on = self._stop is None and self.state is not ExperimentState.PAUSED
            if going_on and not await self.evaluation.refill():
                await self._move_on(Phase.GATING)

    async def _more_to_evaluate(self) -> bool:
        if await self.evaluation.refill():
            return True
        async with self.evaluation.books:
            promoted = await rounds.promote(self.plan, self.round, store=self._store, views=self._views)
        if promoted:
            self.evaluation.reload()
        return promoted

    async def _gate(self) -> None:
        await rounds.score(self.plan, self._store, self._views)
        await self._move_on(Phase.SELECTING)

    async def _select(self) -> None:
        await rounds.select(self._selector, self.plan, self.round, store=self._store, views=self._views)
        self._enter(Phase.DECIDING, self.round)

    async def _decide(self) -> None:
        exhausted = self._generator.exhausted(self.round)
        last = await rounds.summary(self._views, self.plan, self.round)
        last = await rounds.completed(last, self.plan, self._views, exhausted=exhausted, limit=self._limit_now())
        last = replace(last, no_room=last.no_room or self.evaluation.times.no_time(now_us()))
        history = [*await rounds.earlier(self._history, self.plan, self.round, views=self._views), last]
        async with self._moving:
            if self.state is ExperimentState.PAUSED:
                return
            decided = await rounds.decide(
                self.plan, history, store=self._store, first_error=self.evaluation.results.first_error
            )
            self.state = decided or self.state
        self._history = history
        if decided is None:
            self._enter(Phase.GENERATING, self.round + 1)

    async def _move_on(self, phase: Phase) -> None:
        await self._store.write(EnterPhase(experiment=self.plan.experiment, phase=phase, round=self.round))
        self._enter(phase, self.round)

    def _enter(self, phase: Phase, round_number: int) -> None:
        self.phase, self.round = phase, round_number
        if phase is Phase.EVALUATING:
            self.evaluation.reload()

    # Limits and ends

    def _limit_now(self) -> str | None:
        used_up = self.evaluation.times.used_up(now_us())
        if self._limit_reached is None and used_up is not None:
            self._limit_reached = used_up.reason
        return self._limit_reached

    async def _cut_short(self, limit: UsedUp) -> None:
        self._limit_reached = self._limit_reached or limit.reason
        await self.evaluation.halt()
        change = CutShort(experiment=self.plan.experiment, round=self.round, decision=limit.decision)
        self.evaluation.tally.add(await self._store.write(change))
        self.evaluation.queue.closed = False

    async def _end_early(self, trouble: Trouble) -> None:
        async with self._turn:
            await self.evaluation.halt()
            target = ExperimentState.CANCELLED if trouble is CANCELLED else ExperimentState.FAILED
            change = EndEarly(experiment=self.plan.experiment, target=target, reason=trouble.reason, rule=trouble.rule)
            async with self._moving:
                await self._store.write(change)
                self.state = target

    async def fail(self, reason: str) -> None:
        """End it as failed: it cannot be led on."""
        await self._end_early(Trouble(rule="internal", reason=reason))

    # What a person asks for

    async def _unpaused(self) -> None:
        while self.state is ExperimentState.PAUSED and self._stop is None:
            await self._resumed.wait()

    async def pause(self) -> None:
        """Let running work end and start nothing. Raises Conflict when it has ended."""
        async with self._moving:
            await self._pause()

    async def _pause(self, reason: str | None = None) -> None:
        with pausing(self.evaluation.queue):
            await anyio.lowlevel.checkpoint()  # what was let in before has its start lined up before the pause
            await self._store.write(PauseExperiment(experiment=self.plan.experiment, reason=reason))
        self._resumed = anyio.Event()
        self.state = ExperimentState.PAUSED
        self.evaluation.times.pause(now_us())
        self._dispatcher.wake()

    async def _pause_for_code(self) -> None:
        async with self._moving:
            if self.evaluation.results.code_changed and self.state is ExperimentState.RUNNING:
                await self._pause(CODE_CHANGED)

    async def accept_code(self, code_hash: str, places: Places) -> None:
        """Run the code that has this hash from now on, and do not pause for its sake."""
        async with self._moving:
            await self._store.write_now(AcceptCode(experiment=self.plan.experiment, code_hash=code_hash))
            self.evaluation.queue.accept_code(code_hash, places)
            self.evaluation.results.code_changed = False
            self.evaluation.queue.paused = self.state is ExperimentState.PAUSED
        self._dispatcher.wake()

    async def resume(self) -> None:
        """Go on. Raises Conflict when it is not paused."""
        async with self._moving:
            self.state = await self._store.write_now(ResumeExperiment(experiment=self.plan.experiment))
            self.evaluation.queue.paused = self.evaluation.results.code_changed = False
            self.evaluation.times.resume(now_us())
            self._resumed.set()
        self.evaluation.look()

    async def cancel(self) -> None:
        """End it; returns when that is on record and nothing of it runs."""
        self._stop = CANCELLED
        self._proposing.cancel()  # a large round is not proposed to its end; what was committed of it is cancelled with the rest
        self._resumed.set()
        self.evaluation.reload()
        await self.ended.wait()

    async def retry(self, change: RetryWork) -> Retried | None:
        """Queue anew what did not succeed while the experiment goes on; None when it has ended before it came to that."""
        async with self._turn:
            if self.state in ENDED_EXPERIMENT:
                return None
            retried = await self.evaluation.retry(change)
            self._history.clear()  # it may have changed earlier rounds
            if self.phase is not Phase.GENERATING:
                await self._move_on(Phase.EVALUATING)
        return retried


def _busy_lanes(queue: WorkQueue) -> set[str]:
    """The lanes of which something runs or could."""
    return {stage.lane.name for stage in queue.stages.values() if stage.lane and (stage.ready or stage.running)}
