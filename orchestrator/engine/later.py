"""Iterations whose next attempt has its time: kept until then. Books only; who waits for the first of them asks when that is.

What concerns one variant looks at the iterations of that variant alone, however many others wait.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable
from typing import NamedTuple

import anyio

from orchestrator.engine.queue import Match, Ready, WorkQueue


class _Waiting(NamedTuple):
    due: float
    queue: WorkQueue
    item: Ready

    @property
    def place(self) -> tuple[int, int]:
        """Its variant among all experiments."""
        return self.queue.experiment, self.item.variant.number


class Later:
    """One for the daemon. Times are the loop's clock; `changed` is called when something was added."""

    def __init__(self, *, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._order = itertools.count()
        self._heap: list[tuple[float, int]] = []  # when and which; what was withdrawn is taken out when it comes first
        self._waiting: dict[int, _Waiting] = {}
        self._of_variant: dict[tuple[int, int], set[int]] = {}

    def add(self, queue: WorkQueue, item: Ready, *, seconds: float) -> None:
        """Make an iteration ready after a while."""
        number, one = next(self._order), _Waiting(anyio.current_time() + seconds, queue, item)
        self._waiting[number] = one
        self._of_variant.setdefault(one.place, set()).add(number)
        heapq.heappush(self._heap, (one.due, number))
        queue.delayed += 1
        self._changed()

    def until_next(self) -> float | None:
        """Seconds until the first of all is due."""
        while self._heap and self._heap[0][1] not in self._waiting:
            heapq.heappop(self._heap)
        return max(0.0, self._heap[0][0] - anyio.current_time()) if self._heap else None

    def left(self, queue: WorkQueue, match: Match, *, variant: int | None = None) -> float | None:
        """Seconds until the first matching iteration of an experiment, or of one variant of it, is due; None when there is none."""
        times = [self._waiting[number].due for number in self._matching(queue, match, variant)]
        return max(0.0, min(times) - anyio.current_time()) if times else None

    def release(self) -> None:
        """Make ready what is due."""
        now = anyio.current_time()
        while self._heap and self._heap[0][0] <= now:
            _, number = heapq.heappop(self._heap)
            if number in self._waiting:
                queue = self._waiting[number].queue
                queue.push([self._take(number)])

    def withdraw(self, queue: WorkQueue, match: Match, *, variant: int | None = None) -> None:
        """Take matching iterations of an experiment, or of one variant of it, out."""
        for number in self._matching(queue, match, variant):
            self._take(number)
        if len(self._heap) > 2 * len(self._waiting):
            self._heap = [(one.due, number) for number, one in self._waiting.items()]
            heapq.heapify(self._heap)

    def _matching(self, queue: WorkQueue, match: Match, variant: int | None) -> list[int]:
        among: Iterable[int] = self._waiting
        if variant is not None:
            among = self._of_variant.get((queue.experiment, variant), ())
        waiting = ((number, self._waiting[number]) for number in among)
        return [number for number, one in waiting if one.queue is queue and match(one.item)]

    def _take(self, number: int) -> Ready:
        one = self._waiting.pop(number)
        siblings = self._of_variant[one.place]
        siblings.discard(number)
        if not siblings:
            del self._of_variant[one.place]
        one.queue.delayed -= 1
        return one.item
