"""What the running evaluations of one experiment report: numbered, passed on to be written, and held against the rule of [prune]."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.domain.evaluation import BatchResult
from orchestrator.domain.outcome import Outcome
from orchestrator.domain.report import Report
from orchestrator.domain.states import IterationState
from orchestrator.domain.successes import Successes
from orchestrator.engine.plan import Plan
from orchestrator.engine.pruning import by_itself, by_rule, decision_of, outcome_of_pruned
from orchestrator.engine.queue import Ready, RunningBatch
from orchestrator.engine.report_writer import ReportWriter
from orchestrator.engine.variant import ActiveVariant
from orchestrator.search.prune import pruned_metric, pruner
from orchestrator.search.prune_base import Course, Pruner
from orchestrator.store.changes.iterations import PruneDecision
from orchestrator.store.changes.reports import NewReport, NewSpent, Told
from orchestrator.store.views import Views
from orchestrator.worker.thinning import MOST_KEPT, is_kept

PAGE_VARIANTS = 20  # each may have ten thousand reports
SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A report as it comes through the socket. Whoever counts its reports says their numbers."""

    step: int
    metrics: Mapping[str, float]
    time_us: int
    number: int | None = None


@dataclass(slots=True)
class _Telling:
    """One attempt that has reported."""

    course: Course | None
    count: int = 0
    latest: Report | None = None


class Reports:
    """Owned by the evaluating of an experiment, which is told of every variant that is to be pruned."""

    def __init__(self, plan: Plan, writer: ReportWriter, *, prune: Callable[[ActiveVariant], None]) -> None:
        self._plan = plan
        self._writer = writer
        self._prune = prune
        self._pruner: Pruner | None = None
        self._metric = ""
        if plan.spec.prune is not None:
            self._pruner = pruner(plan.spec.prune, plan.spec.objective)
            self._metric = pruned_metric(plan.spec.prune, plan.spec.objective)
        self._tellings: dict[tuple[int, int], _Telling] = {}

    async def recall(self, views: Views) -> None:
        """Learn anew from what is on record, in the order of refs: after a restart, and after a retry."""
        spec = self._plan.spec
        if spec.prune is None or spec.prune.rule == "threshold":
            return
        learned = pruner(spec.prune, spec.objective)
        place = {"experiment": self._plan.experiment, "metric": self._metric, "limit": PAGE_VARIANTS}
        after = 0
        while rows := await views.read("reported_courses", {**place, "after": after}):
            for _, courses in rows:
                for number, state, points in courses:
                    _learn(learned, number, points, succeeded=state == IterationState.SUCCEEDED)
            after = rows[-1][0]
        self._pruner = learned

    # While they run

    def hear(self, batch: RunningBatch, position: int, told: Sequence[Report]) -> None:
        """Reports of a member of a batch, in order. Nothing counts any more of a variant that is pruned, or of what has ended."""
        item = batch.items[position]
        telling = self._telling(item)
        for report in told:
            if item.variant.pruned is not None or item.iteration.state is not IterationState.RUNNING:
                return
            telling.count = max(telling.count, report.number + 1)
            telling.latest = report
            new = NewReport(item.variant.number, item.iteration.number, item.iteration.attempt, report)
            self._writer.add(self._plan.experiment, new)
            self._judge(item, telling, report)

    async def receive(self, batch: RunningBatch, position: int, received: Received, *, views: Views) -> None:
        """A report that came through the socket."""
        item = batch.items[position]
        if item.key not in self._tellings:
            await self._recall_attempt(item, views)
        telling = self._telling(item)
        number = telling.count if received.number is None else received.number
        telling.count = max(telling.count, number + 1)
        if is_kept(number):
            self.hear(batch, position, [Report(number, received.step, received.time_us, received.metrics)])

    async def _recall_attempt(self, item: Ready, views: Views) -> None:
        """One that has outlived the last daemon may have told something before."""
        place = {"experiment": self._plan.experiment, "variant": item.variant.number}
        attempt = {"iteration": item.iteration.number, "attempt": item.iteration.attempt, "limit": MOST_KEPT}
        rows = await views.read("report_rows", {**place, **attempt})
        telling = self._telling(item)
        for row in rows:
            telling.count = max(telling.count, row["number"] + 1)
            value = row["metrics"].get(self._metric)
            if telling.course is not None and value is not None:
                telling.course.report(row["step"], value)

    def _telling(self, item: Ready) -> _Telling:
        telling = self._tellings.get(item.key)
        if telling is None:
            course = None if self._pruner is None else self._pruner.course(item.iteration.number)
            telling = self._tellings[item.key] = _Telling(course)
        return telling

    def _judge(self, item: Ready, telling: _Telling, report: Report) -> None:
        value = report.metrics.get(self._metric)
        cut = None if telling.course is None or value is None else telling.course.report(report.step, value)
        if cut is not None:
            item.variant.pruned = by_rule(item.iteration.number, cut)
            self._prune(item.variant)

    def latest(self) -> list[tuple[int, int, Report]]:
        """Variant, iteration and last report of some of those that run and have reported."""
        found = [
            (*key, telling.latest) for key, telling in sorted(self._tellings.items()) if telling.latest is not None
        ]
        return found[:SHOWN]

    # When they end

    def at_the_end(self, batch: RunningBatch, result: BatchResult) -> tuple[Told | None, BatchResult]:
        """What goes on record with the ends of a batch, usually nothing, and what has come of it when pruned ones have been cancelled.

        Late reports count before anything is made of the outcomes.
        """
        late = _late(result.outcomes)
        if not (late or self._tellings or batch.stop.spent):
            return None, result
        for position, outcome in late.items():
            if outcome.reports:
                self.hear(batch, position, outcome.reports)
            item = batch.items[position]
            if outcome.pruned is not None and item.variant.pruned is None:
                item.variant.pruned = by_itself(item.iteration.number, outcome.pruned)
                self._prune(item.variant)
        keys = [(self._plan.experiment, *item.key) for item in batch.items if item.key in self._tellings]
        return Told(reports=self._writer.take(keys), spent=_spent(batch, late)), _with_pruned(batch, result)

    def close(self, batch: RunningBatch) -> tuple[PruneDecision, ...]:
        """The attempts of a batch have ended and their iterations stand where they stand: the decisions by which some were cut."""
        decisions = []
        for item in batch.items:
            pruning = item.variant.pruned
            if pruning is not None and pruning.iteration == item.iteration.number:
                ref = f"{self._plan.experiment}.{item.variant.number}"
                decisions.append(PruneDecision(item.variant.number, decision_of(pruning, ref)))
            self._close(item)
        return tuple(decisions)

    def _close(self, item: Ready) -> None:
        telling = self._tellings.pop(item.key, None)
        if telling is None or telling.course is None:
            return
        if item.iteration.state is IterationState.SUCCEEDED:
            telling.course.succeeded()
        elif item.iteration.state is IterationState.QUEUED:
            telling.course.forget()


def _late(outcomes: Mapping[int, Outcome]) -> dict[int, Outcome]:
    """Those that tell more than how they ended."""
    if isinstance(outcomes, Successes):
        return {}
    return {
        position: outcome
        for position, outcome in outcomes.items()
        if outcome.spent is not None or outcome.pruned is not None or outcome.reports
    }


def _with_pruned(batch: RunningBatch, result: BatchResult) -> BatchResult:
    outcomes = {
        position: outcome_of_pruned(outcome, pruning, iteration=batch.items[position].iteration.number)
        for position, outcome in result.outcomes.items()
        if (pruning := batch.items[position].variant.pruned) is not None
    }
    return replace(result, outcomes={**result.outcomes, **outcomes}) if outcomes else result


def _spent(batch: RunningBatch, late: Mapping[int, Outcome]) -> tuple[NewSpent, ...]:
    """What the outcomes say, or, of those that have none to say it, what was heard while they ran."""
    costs = dict(batch.stop.spent)
    costs.update((position, outcome.spent) for position, outcome in late.items() if outcome.spent is not None)
    return tuple(
        NewSpent(item.variant.number, item.iteration.number, item.iteration.attempt, costs[position])
        for position, item in enumerate(batch.items)
        if position in costs
    )


def _learn(learned: Pruner, number: int, points: Sequence[tuple[int, float]], *, succeeded: bool) -> None:
    if not points:
        return
    course = learned.course(number)
    for step, value in points:
        course.report(step, value)
    if succeeded:
        course.succeeded()
