"""What the evaluations of one batch in a lane say while they run, and what they are told: its journal, read when its bell rings."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from orchestrator.domain.report import Report
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.bell import Bell
from orchestrator.executors.notes import report_of, spent_of
from orchestrator.worker import journal


@contextmanager
def hearing(descriptor: int, bell: Bell, *, stop: StopSwitch, count: int) -> Iterator[None]:
    """From the beginning of a batch of `count` to its end. What was noted last is heard on leaving, also from a dead process."""
    ear = _Ear(descriptor, stop=stop, count=count)
    bell.listen(ear.hear)
    try:
        with stop.ending(ear.end):
            yield
    finally:
        bell.ignore()
        ear.hear()


class _Ear:
    """Reads on from where it stopped."""

    def __init__(self, descriptor: int, *, stop: StopSwitch, count: int) -> None:
        self._journal = descriptor
        self._stop = stop
        self._count = count
        self._notes = 0
        self._read_up_to = journal.HEADER_BYTES

    def hear(self) -> None:
        """Pass on what was noted since the last time. Costs one short read when it was nothing."""
        notes = journal.noted(self._journal)
        if notes == self._notes:
            return
        self._notes = notes
        frames, self._read_up_to = journal.frames_from(self._journal, self._read_up_to)
        reports: defaultdict[int, list[Report]] = defaultdict(list)
        for frame in frames:
            if frame.kind == journal.NOTE and frame.position < self._count:
                reports[frame.position] += self._taken(frame)
        for position, told in reports.items():
            if told:
                self._stop.hear(position, told)
            if position in self._stop.pruned:
                self.end(position)

    def _taken(self, frame: journal.Frame) -> list[Report]:
        """The report in a note; what it says of costs is passed on."""
        try:
            note: dict[str, Any] = json.loads(frame.payload)
            report, spent = report_of(note.get("report")), spent_of(note.get("cost"))
        except (ValueError, AttributeError, RecursionError):  # written over by the workload
            return []
        if spent is not None:
            self._stop.spend(frame.position, spent)
        return [] if report is None else [report]

    def end(self, position: int) -> None:
        """Let the evaluation end at its next report. One that has not begun is told when it is heard of for the first time."""
        if journal.glance(self._journal).executing == position:
            journal.prune(self._journal, position)
