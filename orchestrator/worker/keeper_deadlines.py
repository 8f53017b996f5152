"""What the keeper has to do at which time, soonest first."""

from __future__ import annotations

import heapq
from typing import Callable, Iterator, List, Optional, Tuple

from orchestrator.worker.keeper_runs import Run

Action = Callable[[Run], None]
_SMALLEST_CLEANING = 256


class Deadlines:
    """A heap of (monotonic time, action, run). Entries of runs that have ended are skipped, and thrown out in bulk."""

    def __init__(self) -> None:
        self._heap: List[Tuple[float, int, Action, Run]] = []
        self._added = 0
        self._clean_at = _SMALLEST_CLEANING

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, at: float, action: Action, run: Run) -> None:
        """At that time call `action(run)`, unless the run has ended by then."""
        self._added += 1
        heapq.heappush(self._heap, (at, self._added, action, run))
        if len(self._heap) > self._clean_at:
            self._heap = [entry for entry in self._heap if not entry[3].ended]
            heapq.heapify(self._heap)
            self._clean_at = max(_SMALLEST_CLEANING, 2 * len(self._heap))

    def due(self, now: float) -> Iterator[Tuple[Action, Run]]:
        """Take out what is due."""
        while self._heap and self._heap[0][0] <= now:
            _, _, action, run = heapq.heappop(self._heap)
            if not run.ended:
                yield action, run

    def next_time(self) -> Optional[float]:
        """When the next is due; None when nothing is."""
        while self._heap and self._heap[0][3].ended:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
