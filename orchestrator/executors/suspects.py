"""Which of the evaluations that ran in one process has ended it."""

import os
import re

from orchestrator.executors import spool
from orchestrator.executors.slot import Lane, Slot
from orchestrator.worker import journal

_TAIL_BYTES = 64 * 1024
_FATAL = re.compile(
    rb"^Fatal Python error: .*?^(?:Current thread|Thread) 0x([0-9a-f]+) \(most recent call first\)",
    re.MULTILINE | re.DOTALL,
)


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
