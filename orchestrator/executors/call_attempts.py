"""Isolated callables: how the keeper is asked for one, and what came of it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.domain.evaluation import Batch, Job
from orchestrator.domain.outcome import Outcome
from orchestrator.domain.states import Cause
from orchestrator.executors import payload
from orchestrator.worker import isolated_call
from orchestrator.worker.keeper_protocol import Message
from orchestrator.worker.results import InvalidResult, metrics_of

PROGRAM = str(Path(isolated_call.__file__).resolve())


def argv_of(job: Job) -> list[str]:
    """The interpreter and the program that evaluates."""
    return [job.python or sys.executable, PROGRAM]


def parameters_of(batch: Batch, position: int) -> str:
    """What the program reads: the whole of its task. Its output is the keeper's affair."""
    alone = replace(batch, evaluations=(batch.evaluations[position],))
    return json.dumps(payload.payload_of(alone, lane=0, output_limit_bytes=0))


def result_of(ended: Message) -> Outcome | None:
    """The outcome that an evaluation left; None when it did not get so far, or wrote over it."""
    try:
        raw: Mapping[str, Any] = json.loads(ended["result"] or "null")
        outcome = payload.outcome_of(raw, pid=ended["pid"], start_ticks=ended["start_ticks"])
        return outcome if outcome.metrics is None else outcome._replace(metrics=metrics_of(outcome.metrics))
    except (KeyError, TypeError, ValueError, RecursionError, InvalidResult):
        return None


def no_result(status: int) -> tuple[Cause, str]:
    """Its process has left in good order, and without an outcome."""
    return Cause.EXITED, f"its process left with exit status {status} before the evaluation had returned"
