"""What a running evaluation tells over the socket, as `orc report-metric` does: to whom it belongs, and whether it still may."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.refs import Ref
from orchestrator.domain.report import Spent
from orchestrator.engine.conductor import Conductor
from orchestrator.engine.queue import RunningBatch
from orchestrator.engine.report_writer import ReportWriter
from orchestrator.engine.reports import Received
from orchestrator.errors import Conflict, InvalidReference
from orchestrator.store.times import now_us
from orchestrator.store.views import Views


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One call: numbers at a step, or what was spent, or both. `attempt` is who says so; None: whoever runs."""

    attempt: int | None = None
    step: int | None = None
    metrics: Mapping[str, float]
    number: int | None = None
    spent: Spent | None = None


class Receiver:
    """Takes in what running evaluations tell over the socket."""

    def __init__(self, conductors: Mapping[int, Conductor], views: Views, report_writer: ReportWriter) -> None:
        self._conductors = conductors
        self._views = views
        self._report_writer = report_writer

    async def receive(self, ref: Ref, message: Message, *, wait: bool) -> dict[str, Any]:
        """Take it in; with `wait` it is on disk when this returns.

        Raises Conflict when the iteration does not run, or runs in another attempt; NotFound when there is none.
        """
        batch, position = await self._running(ref)
        item = batch.items[position]
        current = item.iteration.attempt
        if message.attempt not in (None, current):
            raise Conflict(f"attempt {message.attempt} of {ref} is over: attempt {current} runs")
        if message.spent is not None:
            batch.stop.spend(position, message.spent)
        if message.step is not None:
            received = Received(step=message.step, metrics=message.metrics, time_us=now_us(), number=message.number)
            reports = self._conductors[ref.experiment].evaluation.reports
            await reports.receive(batch, position, received, views=self._views)
        if wait:
            await self._report_writer.flush()
        pruning = item.variant.pruned
        return {"ref": str(ref), "attempt": current, "step": message.step, "pruned": pruning and pruning.message}

    async def _running(self, ref: Ref) -> tuple[RunningBatch, int]:
        if ref.iteration is None:
            raise InvalidReference(f"{ref.described}: only an iteration reports", hint="use a ref such as 12.3.1")
        conductor = self._conductors.get(ref.experiment)
        found = None if conductor is None else _running(conductor, (ref.variant or 0, ref.iteration))
        if found is None:
            raise Conflict(f"{ref} does not run: it is {(await self._views.iteration(ref))['state']}")
        return found


def _running(conductor: Conductor, key: tuple[int, int]) -> tuple[RunningBatch, int] | None:
    for batch in conductor.evaluation.queue.running():
        for position, item in enumerate(batch.items):
            if item.key == key:
                return batch, position
    return None
