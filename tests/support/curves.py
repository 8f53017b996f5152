"""An executor whose evaluations report the values of a curve, one step after the other, until they are told to end."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anyio.lowlevel

from orchestrator.domain.evaluation import Batch, BatchResult, Evaluation
from orchestrator.domain.outcome import AttemptEnd, Outcome, Usage
from orchestrator.domain.report import Report
from orchestrator.executors.base import StopSwitch
from tests.support.inline import InlineExecutor, metrics

Curve = Callable[[Mapping[str, Any], Evaluation], Sequence[float]]


class CurveExecutor(InlineExecutor):
    """The metric `loss` at the steps 1, 2, …; the last value is the result. `ignores` reports on after it was told to end."""

    def __init__(self, curve: Curve, *, gate: anyio.Event | None = None, ignores: bool = False, **more: Any) -> None:
        super().__init__(lambda *_: metrics(loss=0.0), gate=gate, **more)
        self._curve = curve
        self._ignores = ignores
        self.steps: dict[tuple[int, int], int] = {}

    async def run(self, batch: Batch, stop: StopSwitch) -> BatchResult:
        """Evaluate one after the other until the switch is pressed."""
        outcomes: dict[int, Outcome] = {}
        for position, evaluation in enumerate(batch.evaluations):
            if not await self._may_go_on(evaluation, stop):
                rest = range(position + 1, len(batch.evaluations))
                return BatchResult(outcomes=outcomes, interrupted=(position,), unstarted=tuple(rest))
            self.seen.append(evaluation)
            outcomes[position] = await self._climb(position, evaluation, stop)
        return BatchResult(outcomes=outcomes)

    async def _climb(self, position: int, evaluation: Evaluation, stop: StopSwitch) -> Outcome:
        usage = Usage(wall_seconds=0.01, cpu_seconds=0.01)
        values = self._curve(json.loads(evaluation.parameters_json), evaluation)
        for step, value in enumerate(values, 1):
            stop.hear(position, [Report(number=step - 1, step=step, time_us=step, metrics={"loss": value})])
            self.steps[evaluation.variant, evaluation.iteration] = step
            await anyio.lowlevel.checkpoint()
            if position in stop.pruned and not self._ignores:
                return Outcome(end=AttemptEnd.CANCELLED, pruned="told to", usage=usage)
        return Outcome(end=AttemptEnd.SUCCEEDED, metrics={"loss": values[-1]}, usage=usage)
