"""Which of the evaluations that ran in one process has ended it, and which of them may have."""

import os
import re

from orchestrator.domain.evaluation import Batch, BatchResult
from orchestrator.executors import spool
from orchestrator.executors.slot import Lane, Slot
from orchestrator.worker import journal

_TAIL_BYTES = 64 * 1024
_FATAL = re.compile(
    rb"^Fatal Python error: .*?^(?:Current thread|Thread) 0x([0-9a-f]+) \(most recent call first\)",
    re.MULTILINE | re.DOTALL,
)


class Suspects:
    """The attempts of which one has ended a process that they shared. Each is tried again in a process of its own."""

    def __init__(self) -> None:
        self._attempts: set[tuple[int, int, int, int]] = set()  # experiment, variant, iteration, attempt

    def add(self, batch: Batch, position: int) -> None:
        """This one may have done it."""
        self._attempts.add(_attempt(batch, position))

    def first_in(self, batch: Batch) -> int | None:
        """The position of the first suspect in a batch, if there is one."""
        if not self._attempts:
            return None
        return next(
            (place for place in range(len(batch.evaluations)) if _attempt(batch, place) in self._attempts), None
        )

    def clear(self, batch: Batch, result: BatchResult) -> None:
        """Forget those that have ended; what met changed code has not begun."""
        if self._attempts:
            ended = [place for place, outcome in result.outcomes.items() if not outcome.code_changed]
            self._attempts.difference_update(_attempt(batch, place) for place in ended)

    def forget(self, experiment: int) -> None:
        """Nothing of this experiment runs any more."""
        self._attempts = {attempt for attempt in self._attempts if attempt[0] != experiment}


def _attempt(batch: Batch, position: int) -> tuple[int, int, int, int]:
    evaluation = batch.evaluations[position]
    return batch.job.experiment, evaluation.variant, evaluation.iteration, evaluation.attempt


def suspects_of(slot: Slot, lane: Lane) -> int:
    """How many evaluations may have ended the process, for the one in this lane: 1 when it was it, 0 when it was another."""
    executing = {other.number: journal.glance(other.journal).thread for other in slot.lanes if _executes(other)}
    if len(executing) <= 1:
        return 1
    guilty = _thread_that_crashed(slot)
    if guilty in executing.values():
        return 1 if executing.get(lane.number) == guilty else 0
    return len(executing)


def _executes(lane: Lane) -> bool:
    return journal.glance(lane.journal).executing is not None


def _thread_that_crashed(slot: Slot) -> int | None:
    """The identifier that faulthandler wrote into the process's own stderr."""
    path = spool.paths_of(slot.spool)[1]
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
        found = _FATAL.findall(file.read())
    return int(found[-1], 16) if found else None
