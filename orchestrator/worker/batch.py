"""`run_batch`: what every executor sends to a worker."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

from orchestrator.worker.code import CodeChanged, verify
from orchestrator.worker.failures import error_text, failure_of
from orchestrator.worker.forks import Forks, end_fork, end_if_forked
from orchestrator.worker.lane import Lane, lane_of
from orchestrator.worker.limits import BACKSTOP
from orchestrator.worker.loading import Workload, awaited, load, surround
from orchestrator.worker.results import metrics_of
from orchestrator.worker.trial import Trial, output_stem
from orchestrator.worker.usage import LONG_SECONDS

Evaluation = tuple[Any, ...]
"""variant, iteration, attempt, parameters as JSON, seed, shared seed, case, repeat"""

# what `json.loads` comes down to for a whole text
_scan: Callable[[str, int], tuple[Any, int]] = vars(json.JSONDecoder())["scan_once"]


def run_batch(batch: dict[str, Any]) -> list[dict[str, Any]]:
    """Evaluate one after the other and say what came of each, in order, as dicts (see `outcomes`). Never raises.

    Only this process returns from here: what the workload forks ends where it would come back from the workload's code.

    The batch: `call` (module:function), `code` (the hash its code must have, or None, and what it is taken over), `stage`, `arguments` (JSON), `environment` (pairs), `workdir`, `output_folder`,
    `output_limit_bytes`, `lane` (the number of the lane laid for it, or None), `evaluations` (a list of `Evaluation`) and perhaps
    `memory_bytes` (what one of them may hold).
    """
    process = os.getpid()
    try:
        return _results(batch, process)
    finally:
        end_if_forked(process)


def _results(batch: dict[str, Any], process: int) -> list[dict[str, Any]]:
    lane = lane_of(batch["lane"])
    lane.begin_batch()
    try:
        workload = _loaded(batch, lane)
    except BaseException as error:  # noqa: BLE001 - an import may raise anything, SystemExit too
        end_if_forked(process, error)
        return _none_could_start(batch, lane, error)
    end_if_forked(process)
    lane.loading(under_way=False)
    run = _Run(batch, workload, lane)
    results = [run.evaluate(position, evaluation) for position, evaluation in enumerate(batch["evaluations"])]
    run.share()
    return results


def _loaded(batch: dict[str, Any], lane: Lane) -> Workload:
    lane.loading(under_way=True)
    surround(batch["environment"], batch["workdir"])
    BACKSTOP.put(batch.get("memory_bytes"))
    verify(*batch["code"])
    return load(batch["call"], batch["workdir"])


def _none_could_start(batch: dict[str, Any], lane: Lane, error: BaseException) -> list[dict[str, Any]]:
    failure = {
        **_told(error),
        "import_failed": not isinstance(error, (CodeChanged, MemoryError)),
        "code_changed": isinstance(error, CodeChanged),
        "started_us": time.time_ns() // 1000,
    }
    evaluations = batch["evaluations"]
    if evaluations and lane.printed():
        failure.update(_collected(lane, output_stem(batch, evaluations[0]), batch["output_limit_bytes"]))
    for position in range(len(evaluations)):
        lane.finish(position, failure)
    return [failure] * len(evaluations)


def _told(error: BaseException) -> dict[str, Any]:
    """A process that leaves while it imports has not evaluated anything: whatever it was, it was raised."""
    return failure_of(error) if isinstance(error, MemoryError) else {"cause": "raised", "error": error_text(error)}


def _collected(lane: Lane, stem: str, limit_bytes: int) -> dict[str, Any]:
    try:
        return {"output_bytes": lane.collect(stem, limit_bytes)}
    except OSError as error:
        return {"output_bytes": 0, "output_error": str(error)}


def _outcome_of(value: Any, error: BaseException | None) -> dict[str, Any]:
    if error is None:
        try:
            return {"metrics": metrics_of(value)}
        except BaseException as raised:  # noqa: BLE001 - a returned mapping may be the workload's own class
            error = raised
    return failure_of(error)


class _Run:
    """The evaluations of one batch. What is the same for all of them is looked up once: this is the hottest loop there is."""

    def __init__(self, batch: dict[str, Any], workload: Workload, lane: Lane) -> None:
        self._batch = batch
        self._forks = Forks.count
        self._function = workload.function
        self._wants_trial = workload.wants_trial
        self._lane = lane
        self._clock: Callable[[], float] = lane.meter.clock
        self._short: list[dict[str, Any]] = []
        self._stretch = 0  # where in them the present stretch of short ones begins
        lane.meter.starved_seconds()  # from here on

    def evaluate(self, position: int, evaluation: Evaluation) -> dict[str, Any]:
        """Run one evaluation, measure it, and note its outcome."""
        lane = self._lane
        trial = self._trial(position, evaluation) if self._wants_trial else None
        lane.begin(position)
        started_us = time.time_ns() // 1000
        cpu = self._clock()
        started = time.perf_counter()
        error: BaseException | None = None
        value: Any = None
        try:
            value = self._call(_scan(evaluation[3], 0)[0], trial)
        except BaseException as raised:  # noqa: BLE001 - whatever a workload raises is its outcome
            error = raised
        wall = time.perf_counter() - started
        cpu = self._clock() - cpu
        outcome = _outcome_of(value, error)
        if Forks.count != self._forks:
            end_fork(error)
        outcome["started_us"] = started_us
        outcome["wall_seconds"] = wall
        outcome["cpu_seconds"] = cpu
        if wall < LONG_SECONDS:
            self._short.append(outcome)
        else:
            self._measure(outcome)
        outcome["output_bytes"] = 0
        if lane.printed():
            outcome.update(_collected(lane, output_stem(self._batch, evaluation), self._batch["output_limit_bytes"]))
        if trial is not None:
            self._conclude(trial, outcome)
        lane.finish(position, outcome)
        return outcome

    def _call(self, parameters: Any, trial: Trial | None) -> Any:
        value = self._function(parameters) if trial is None else self._function(parameters, trial=trial)
        return awaited(value) if hasattr(value, "__await__") else value

    def _trial(self, position: int, evaluation: Evaluation) -> Trial:
        def note(kind: str, what: Any) -> bool | None:
            return self._lane.note(position, {kind: what})

        return Trial(evaluation, job=self._batch, note=note)

    def _measure(self, outcome: dict[str, Any]) -> None:
        meter = self._lane.meter
        starved = meter.starved_seconds()
        if starved is not None and self._stretch == len(self._short):  # else it is also that of short ones before it
            outcome["starved_seconds"] = starved
        peak = meter.peak_bytes()
        if peak is not None:
            outcome["max_rss_bytes"] = peak
        outcome["cpu_seconds"] += meter.children_seconds()
        moved = meter.moved_bytes()  # with what a stretch before it has moved, of which nothing is said then
        if moved is not None:
            outcome["read_bytes"], outcome["written_bytes"] = moved
        self._stretch = len(self._short)
        meter.begin()

    def _conclude(self, trial: Trial, outcome: dict[str, Any]) -> None:
        outcome.update(trial.told)
        if "metrics" in outcome:
            trial.remove_scratch()

    def share(self) -> None:
        """Give the short evaluations the peak of the stretch they ran in, and each its part of what was moved in it."""
        meter = self._lane.meter
        peak = meter.peak_bytes() if self._short else None
        if peak is not None:
            for outcome in self._short:
                outcome["max_rss_bytes"] = peak
        sharing = self._short[self._stretch :]
        moved = meter.moved_bytes() if sharing else None
        if moved is not None:
            for name, count in zip(("read_bytes", "written_bytes"), moved):  # noqa: B905 - not in CPython 3.9
                part, rest = divmod(count, len(sharing))
                for outcome in sharing:
                    outcome[name] = part
                sharing[0][name] += rest
