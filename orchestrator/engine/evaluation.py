"""The evaluating of one experiment: loads what is open page by page, hands it to the dispatcher, turns results into moves.

In memory is only what runs or may run soon; what has ended is in the store. What is to be done is read from there, or is a copy of
what was put there a moment ago (`fresh.py`), so that a fresh start, a restart and a retry are the same thing.
"""

from collections.abc import Iterable, Sequence
from functools import partial

import anyio

from orchestrator.domain.evaluation import BatchResult
from orchestrator.domain.refs import Ref
from orchestrator.domain.states import ENDED_ITERATION, IterationState
from orchestrator.domain.successes import Successes
from orchestrator.engine.adopting import Group
from orchestrator.engine.dispatcher import Dispatcher
from orchestrator.engine.durably import DurableWriter
from orchestrator.engine.ending import Ending, drop_waiting, variant_move
from orchestrator.engine.fresh import Fresh
from orchestrator.engine.loading import load_page, load_variants, merge
from orchestrator.engine.plan import Plan
from orchestrator.engine.queue import Match, Ready, RunningBatch, WorkQueue, make_ready
from orchestrator.engine.report_writer import ReportWriter
from orchestrator.engine.reports import Reports
from orchestrator.engine.results import Results, when_sent
from orchestrator.engine.settling import backoff_left
from orchestrator.engine.successes import all_well, end_of
from orchestrator.engine.time_limits import TimeLimits
from orchestrator.engine.trouble import Trouble, internal_error
from orchestrator.engine.variant import ActiveIteration, ActiveVariant, Step, next_step
from orchestrator.errors import StoreBlocked
from orchestrator.store.changes.iterations import EndIterations, StartIterations
from orchestrator.store.changes.reports import Told
from orchestrator.store.changes.sweeps import CancelWork, Retried, RetryWork
from orchestrator.store.times import now_us
from orchestrator.store.views import Views

FIRST_ITERATIONS = 256
"""The first page is short, so that something can begin."""
PAGE_ITERATIONS = 512
LOW_WATER = 2048
SETTLE_SECONDS = 5.0
"""How long a retry waits for what ends at that moment to be on record."""


class Evaluation:
    """Owns the experiment's work queue and its active variants."""

    def __init__(
        self, plan: Plan, store: DurableWriter, views: Views, *, dispatcher: Dispatcher, report_writer: ReportWriter
    ) -> None:
        self.plan = plan
        self.queue = WorkQueue(plan, self, dispatcher.executor)
        self.reports = Reports(plan, report_writer, prune=self._prune)
        self.times = TimeLimits(plan)
        self.tally = self.queue.tally
        self.fresh = Fresh(store, dispatcher.room.shelf)
        self.results = Results(plan, self.queue)
        self._store = store
        self._views = views
        self._dispatcher = dispatcher
        self._active: dict[int, ActiveVariant] = {}
        self._left: set[int] = set()  # while a page was read: what that says of them is of before
        self._settled = anyio.Event()  # when the end of something is on record
        self._cursor = 0
        self._more = True
        self._changed = anyio.Event()
        # held by whoever reads what is open and acts on it: what was read stays true meanwhile
        self.books = anyio.Lock()

    # What the conductor uses

    async def refill(self) -> bool:
        """Load more of what is open when little is ready. False when nothing is left to do or to wait for."""
        while self._more and self.queue.ready < LOW_WATER:
            limit = max(1, (PAGE_ITERATIONS if self._active else FIRST_ITERATIONS) // self.plan.per_variant)
            async with self.books:
                self._left = set()
                page = await self._next_page(limit)
                await self._take_in([variant for variant in page if variant.number not in self._left])
                self.queue.beyond = await self._beyond() if self.queue.allocation == "dynamic" else 0
            self._dispatcher.wake()
        self._dispatcher.wake()
        return self._more or bool(self._active)

    async def _next_page(self, limit: int) -> list[ActiveVariant]:
        """The next `limit` variants that have not ended, or fewer: from memory where they are kept, from the store what comes before and after."""
        page = self.fresh.take(after=self._cursor, limit=limit)
        if page:
            self._cursor = page[-1].number
            return page
        before = self.fresh.first
        page = await load_page(self._views, self.plan, after=self._cursor, before=before, limit=limit)
        if len(page) == limit:
            self._cursor = page[-1].number
        elif before is None:
            self._more = False
        else:
            self._cursor = before - 1
        return page

    async def adopt(self, groups: Sequence[Group]) -> None:
        """Go on with what an earlier daemon has sent; on record it is running."""
        self._dispatcher.add(self.queue)
        now = anyio.current_time()
        async with self.books:
            for variant in await load_variants(
                self._views, self.plan, {one.variant for group in groups for one in group}
            ):
                self._active[variant.number] = variant
                self._enqueue([Ready(variant, iteration, now) for iteration in merge(variant, variant)])
        for group in groups:
            variants = [self._active[kept.variant] for kept in group]
            items = [
                Ready(each, each.iterations[kept.iteration], now) for each, kept in zip(variants, group, strict=True)
            ]
            for batch in self.queue.adopt(items):
                self._dispatcher.adopt(self.queue, batch)

    async def _beyond(self) -> int:
        """Iterations that are queued and not loaded."""
        counted = (await self._views.experiment(self.plan.experiment))["iterations"]["queued"]
        return max(0, int(counted) - self.queue.ready - self.queue.delayed) if self._more else 0

    async def changed(self) -> None:
        """Return when more should be loaded, when all is done, or when there is trouble."""
        await self._changed.wait()
        self._changed = anyio.Event()

    def look(self) -> None:
        """Look again at what is to be done, and how long that may take."""
        self._changed.set()
        self._dispatcher.wake()

    def reload(self) -> None:
        """Look at everything that is open, from the beginning: something was queued."""
        self._cursor = 0
        self._more = True
        self._changed.set()

    async def halt(self) -> None:
        """Take back what waits and stop what runs; returns when all of it is on record."""
        self.queue.closed = True
        self.fresh.drop()
        await self._take_back(lambda _: True)
        self._active.clear()

    async def cancel(self, ref: Ref) -> dict[str, int]:
        """Cancel a variant or an iteration while the experiment goes on."""

        def match(item: Ready) -> bool:
            return item.variant.number == ref.variant and ref.iteration in (None, item.iteration.number)

        async with self.books:
            stopped = await self._take_back(match)
            cancelled = await self._store.write(CancelWork(ref=ref, rule="cancelled", stopped=stopped))
            self.tally.add(cancelled)
            self.fresh.drop()
            variant = self._active.get(ref.variant or 0)
            if variant is not None and (cancelled.variants or ref.iteration is None):
                self._active.pop(variant.number)
            elif variant is not None:
                iteration = variant.iterations.get(ref.iteration or 0)
                if iteration is not None and iteration.state is IterationState.QUEUED:
                    iteration.state = IterationState.CANCELLED
        self._changed.set()
        return {**cancelled.counts, "iterations": cancelled.iterations + stopped}

    async def retry(self, change: RetryWork) -> Retried:
        """Queue anew what did not succeed under a ref while the experiment goes on. Raises Conflict when there is nothing of that kind."""
        async with self.books:
            matching = [one for one in self._active.values() if change.ref.variant in {None, one.number}]
            for variant in matching:
                variant.outdated = True
            try:
                await self._until_settled(matching)
                retried = await self._store.write_now(change)
                await self.reports.recall(self._views)
            finally:
                self.fresh.drop()
                self.reload()
        self.tally.take_back(retried)
        return retried

    async def _until_settled(self, variants: Sequence[ActiveVariant]) -> None:
        """Return once what follows for them, if it is on its way, is on record. Raises StoreBlocked when that takes long."""
        with anyio.move_on_after(SETTLE_SECONDS):
            while any(variant.committing for variant in variants):
                self._settled = anyio.Event()
                await self._settled.wait()
        if any(variant.committing for variant in variants):
            raise StoreBlocked("what has just ended could not be stored yet", hint="try again in a moment")

    def _prune(self, variant: ActiveVariant) -> None:
        """Start nothing more of a variant, and let what runs of it end."""
        self._dispatcher.withdraw(self.queue, lambda item: item.variant is variant, variant=variant)
        for batch in self.queue.running():
            batch.prune(variant)

    async def _take_back(self, match: Match) -> int:
        self._dispatcher.withdraw(self.queue, match)
        batches = self.queue.stop(match)
        for batch in batches:
            await batch.done.wait()
        self._dispatcher.withdraw(self.queue, match)  # what was to be tried again, or has followed meanwhile
        return sum(len(batch.cancelled) for batch in batches)

    async def _take_in(self, page: Iterable[ActiveVariant]) -> None:
        """Take over what the store says of variants, and commit what follows for those that have nothing to run."""
        now = anyio.current_time()
        idle: list[ActiveVariant] = []
        ready: list[Ready] = []
        for stored in page:
            variant = self._active.get(stored.number, stored)
            queued = merge(variant, stored)
            if queued and variant.pruned is None:
                self._active[variant.number] = variant
                ready += [make_ready((variant, iteration, now)) for iteration in queued]
            else:
                idle.append(variant)
        self._enqueue(ready)
        await self._commit_follow_ups(idle)

    def _enqueue(self, items: Sequence[Ready]) -> None:
        """Make ready what the store has queued: at once, or when the wait before its next attempt is over."""
        now = now_us()
        waiting = [item for item in items if item.iteration.failed_us is not None]
        self.queue.push([item for item in items if item.iteration.failed_us is None] if waiting else items)
        stages = self.plan.stages
        waits = [backoff_left(stages[one.iteration.stage].retries, one.iteration, now_us=now) for one in waiting]
        self._queue_again(list(zip(waiting, waits, strict=True)))

    # What the dispatcher tells

    async def begin(self, batch: RunningBatch) -> None:
        """Commit that the members are running. Raises StoreBlocked when they are stopped before the store takes that."""
        batch.stop.hear = partial(self.reports.hear, batch)
        for item in batch.items:
            item.iteration.state = IterationState.RUNNING
            item.iteration.attempt += 1
        keys = tuple([(item.variant.number, item.iteration.number) for item in batch.items])
        begun = self.times.begin(batch.stage.lane, now_us=now_us())
        if begun is not None or self.times.is_over(batch.stage.lane, now_us=now_us()):
            self._changed.set()
        change = StartIterations(experiment=self.plan.experiment, keys=keys, decision=begun)
        try:
            await self._store.write(change, stop=batch.stop)
        except StoreBlocked:
            self._give_back(batch)
            raise

    def _give_back(self, batch: RunningBatch) -> None:
        """On record its members are queued still: those that are stopped are ended there as such."""
        for item in batch.items:
            item.iteration.state = IterationState.QUEUED
            item.iteration.attempt -= 1
        self.queue.push_front([item for item in batch.items if item.key not in batch.cancelled])
        batch.cancelled.clear()

    async def end(self, batch: RunningBatch, result: BatchResult) -> None:
        """Commit what came of the members, and what follows for their variants, in one piece."""
        told, result = self.reports.at_the_end(batch, result)
        successes = None if told is not None else all_well(batch, result, self.plan)
        if successes is None:
            await self._end_each(batch, result, told)
        else:
            await self._end_well(batch, successes)
        self._announce()

    async def _end_each(self, batch: RunningBatch, result: BatchResult, told: Told | None) -> None:
        taken = self.results.take(batch, result)
        ending = self._follow_ups({id(item.variant): item.variant for item in batch.items}.values())
        change = EndIterations(
            experiment=self.plan.experiment,
            attempts=tuple(taken.attempts),
            executor=batch.executor.name,
            stage=batch.stage.name,
            moves=tuple(taken.moves),
            variants=tuple(ending.moves),
            next_stages=ending.next_stages(),
            told=told,
            dropped=tuple(ending.dropped),
            decisions=(*(() if told is None else self.reports.close(batch)), *self.queue.placements.take()),
        )
        await self._write(change, ending)
        await self._leave(ending)
        now = anyio.current_time()
        fresh = [(Ready(item.variant, item.iteration, now), seconds) for item, seconds in taken.again]
        self._queue_again(fresh, to_front=bool(result.unstarted or result.interrupted))

    async def _end_well(self, batch: RunningBatch, successes: Successes) -> None:
        """All that follows is that each variant is evaluated."""
        change = end_of(batch, successes, self.plan, sent_us=when_sent(batch), decisions=self.queue.placements.take())
        variants = self.results.take_well(batch)
        await self._store.write(change)
        await self._leave(Ending(following=variants, leaving=variants))

    def broken(self, error: Exception) -> None:
        """A batch could not be carried through: the experiment cannot go on."""
        self.results.give_up(Trouble(rule="internal", reason=internal_error(error)))
        self._changed.set()

    def unusable(self, stage: str, error: str) -> None:
        """The executor of a stage cannot run: the experiment cannot go on."""
        self.results.give_up(Trouble(rule="executor", reason=f"stage {stage}: {error}"))
        self._changed.set()

    # What follows

    def _follow_ups(self, variants: Iterable[ActiveVariant]) -> Ending:
        """What comes next for variants."""
        ending = Ending()
        for variant in variants:
            following = next_step(variant, self.plan)
            if following.step is Step.WAIT or variant.committing or variant.outdated:
                variant.overtaken = variant.committing
                continue
            variant.committing, variant.overtaken = True, False
            ending.following.append(variant)
            if following.step is Step.QUEUE:
                planned = self.plan.iterations(following.stages, variant.hash)
                ending.queued.append((variant, planned))
                continue
            ending.leaving.append(variant)
            if following.step is not Step.HOLD:
                ending.moves.append(variant_move(variant, following.step, self.plan))
            if variant.pruned is not None:
                self._drop_waiting(variant, ending)
        return ending

    def _drop_waiting(self, variant: ActiveVariant, ending: Ending) -> None:
        """What has not begun of a pruned variant never will."""
        self._dispatcher.withdraw(self.queue, lambda item: item.variant is variant, variant=variant)
        for move in drop_waiting(variant):
            ending.dropped.append(move)
            self.results.count(variant.iterations[move.number])

    async def _commit_follow_ups(self, variants: Iterable[ActiveVariant]) -> None:
        ending = self._follow_ups(variants)
        if ending.moves or ending.queued:
            change = EndIterations(
                experiment=self.plan.experiment,
                variants=tuple(ending.moves),
                next_stages=ending.next_stages(),
                dropped=tuple(ending.dropped),
            )
            await self._write(change, ending)
        await self._leave(ending)
        self._announce()

    async def _leave(self, ending: Ending) -> None:
        """Forget variants that have nothing left to do here: only once that is on record, for who looks next looks there.

        Of those that go on, what ended meanwhile has follow-ups of its own.
        """
        for variant in ending.following:
            variant.committing = False
        self._settled.set()
        for variant in ending.leaving:
            if all(iteration.state in ENDED_ITERATION for iteration in variant.iterations.values()):
                self._active.pop(variant.number, None)
                self._left.add(variant.number)
        overtaken = [variant for variant, _ in ending.queued if variant.overtaken]
        if overtaken:
            await self._commit_follow_ups(overtaken)

    async def _write(self, change: EndIterations, ending: Ending) -> None:
        await self._store.write(change)
        now = anyio.current_time()
        for variant, planned in ending.queued:
            self._active[variant.number] = variant
            for one in planned:
                if one.number in variant.iterations:
                    continue  # somebody has read it from the store already
                fresh = ActiveIteration(one.number, one.stage, one.case, one.repeat, one.seed, IterationState.QUEUED)
                variant.iterations[one.number] = fresh
                if variant.pruned is None:  # else it is dropped as soon as nothing of the variant runs
                    self.queue.push([Ready(variant, fresh, now)])

    def _queue_again(self, waits: Sequence[tuple[Ready, float]], *, to_front: bool = False) -> None:
        """Make iterations ready, each after its wait in seconds."""
        for item, seconds in waits:
            if seconds > 0:
                self._dispatcher.later.add(self.queue, item, seconds=seconds)
        at_once = [item for item, seconds in waits if seconds <= 0]
        if to_front:
            self.queue.push_front(at_once)
        else:
            self.queue.push(at_once)

    def _announce(self) -> None:
        if (
            self.results.trouble is not None
            or self.results.code_changed
            or not self._active
            or (self._more and self.queue.ready < LOW_WATER // 2)
        ):
            self._changed.set()
        self._dispatcher.wake()
