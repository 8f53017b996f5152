"""Iterations whose next attempt has its time: kept until then. Books only; who waits for the first of them asks when that is."""

import heapq
import itertools
from collections.abc import Callable

import anyio

from orchestrator.engine.queue import Match, Ready, WorkQueue


class Later:
    """One for the daemon. Times are the loop's clock; `changed` is called when something was added."""

    def __init__(self, *, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._order = itertools.count()
        self._heap: list[tuple[float, int, WorkQueue, Ready]] = []

    def add(self, queue: WorkQueue, item: Ready, *, seconds: float) -> None:
        """Make an iteration ready after a while."""
        queue.delayed += 1
        heapq.heappush(self._heap, (anyio.current_time() + seconds, next(self._order), queue, item))
        self._changed()

    def until_next(self) -> float | None:
        """Seconds until the first of all is due."""
        return max(0.0, self._heap[0][0] - anyio.current_time()) if self._heap else None

    def left(self, queue: WorkQueue, match: Match) -> float | None:
        """Seconds until the first matching iteration of an experiment is due; None when there is none."""
        times = [time for time, _, owner, item in self._heap if owner is queue and match(item)]
        return max(0.0, min(times) - anyio.current_time()) if times else None

    def release(self) -> None:
        """Make ready what is due."""
        now = anyio.current_time()
        while self._heap and self._heap[0][0] <= now:
            _, _, queue, item = heapq.heappop(self._heap)
            queue.delayed -= 1
            queue.push([item])

    def withdraw(self, queue: WorkQueue, match: Match) -> list[Ready]:
        """Take matching iterations of an experiment out."""
        found = [item for *_, owner, item in self._heap if owner is queue and match(item)]
        if found:
            self._heap = [entry for entry in self._heap if entry[2] is not queue or not match(entry[3])]
            heapq.heapify(self._heap)
            queue.delayed -= len(found)
        return found
