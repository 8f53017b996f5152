"""An executor that evaluates in this process: a full member of the contract for tests of the engine, which need no worker processes."""

import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import anyio

from orchestrator.domain.evaluation import Batch, BatchResult, Evaluation, Job
from orchestrator.domain.outcome import AttemptEnd, Outcome, Usage
from orchestrator.domain.states import Cause
from orchestrator.executors.base import Abilities, StopSwitch

Evaluate = Callable[[Mapping[str, Any], Evaluation, Job], Outcome]
EVERYTHING = Abilities(can_kill=True, isolates_crashes=True, batches=True, permit="slot")


def metrics(**values: float) -> Outcome:
    """A success with these metrics."""
    return lasting(1e-6, **values)


def lasting(seconds: float, **values: float) -> Outcome:
    """A success with these metrics, measured to have taken so long."""
    return Outcome(end=AttemptEnd.SUCCEEDED, metrics=values, usage=Usage(wall_seconds=seconds, cpu_seconds=seconds))


def failure(cause: Cause = Cause.RAISED, error: str = "ValueError: no", **more: Any) -> Outcome:
    """A failure with this cause."""
    return Outcome(end=AttemptEnd.FAILED, cause=cause, error=error, **more)


class InlineExecutor:
    """Calls `evaluate` for each evaluation. `gate` holds back every evaluation, or those that `holds` names, until it is set."""

    name = "inline"

    def __init__(
        self,
        evaluate: Evaluate,
        *,
        gate: anyio.Event | None = None,
        holds: Callable[[Evaluation], bool] = lambda _: True,
        abilities: Abilities = EVERYTHING,
    ) -> None:
        self.abilities = abilities
        self.seen: list[Evaluation] = []
        self.most_at_once = 0
        self._at_once = 0
        self._evaluate = evaluate
        self._gate = gate
        self._holds = holds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def run(self, batch: Batch, stop: StopSwitch) -> BatchResult:
        """Evaluate one after the other until the switch is pressed."""
        outcomes: dict[int, Outcome] = {}
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            for position, evaluation in enumerate(batch.evaluations):
                if not await self._may_go_on(evaluation, stop):
                    rest = range(position + 1, len(batch.evaluations))
                    return BatchResult(outcomes=outcomes, interrupted=(position,), unstarted=tuple(rest))
                self.seen.append(evaluation)
                outcomes[position] = self._evaluate(json.loads(evaluation.parameters_json), evaluation, batch.job)
        finally:
            self._at_once -= 1
        return BatchResult(outcomes=outcomes)

    async def _may_go_on(self, evaluation: Evaluation, stop: StopSwitch) -> bool:
        await anyio.lowlevel.checkpoint()
        if self._gate is None or self._gate.is_set() or not self._holds(evaluation):
            return not stop.pressed
        async with anyio.create_task_group() as tasks:

            async def first(wait: Callable[[], Any]) -> None:
                await wait()
                tasks.cancel_scope.cancel()

            tasks.start_soon(first, self._gate.wait)
            tasks.start_soon(first, stop.wait)
        return not stop.pressed

    def may_follow(self, batch: Batch) -> bool:
        """Never."""
        return False

    async def prepare(self, job: Job) -> None:
        """Nothing to warm up."""

    async def retire(self, experiment: int) -> None:
        """Nothing to give back."""


class Mended:
    """An evaluator that fails until it is mended."""

    def __init__(self, *, broken: set[int]) -> None:
        self.broken = broken

    def __call__(self, parameters: Any, *_: Any) -> Any:
        """Fail for what is broken."""
        return failure() if parameters["x"] in self.broken else metrics(value=float(parameters["x"]))
