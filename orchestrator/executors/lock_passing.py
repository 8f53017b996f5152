"""What a process is asked to run: a batch as it is, or one that holds locks, which are passed to the process first."""

from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from typing import Any

from orchestrator.domain.evaluation import Batch
from orchestrator.executors.slot import Lane
from orchestrator.worker import run_batch
from orchestrator.worker.columns import Columns, run_in_columns
from orchestrator.worker.lock_channel import run_holding, send

Runner = Callable[[dict[str, Any]], list[dict[str, Any]] | Columns]


def runner_of(batch: Batch, lane: Lane) -> Runner:
    """The function to call with the batch's payload; what has a limit of memory is looked at one by one. Raises BrokenExecutor when the process of the lane is gone."""
    if not batch.locks:
        return run_batch if batch.job.memory_bytes is not None else run_in_columns
    try:
        send(lane.locks, list(batch.locks))
    except OSError as error:
        raise BrokenExecutor("the process is gone") from error
    return run_holding
