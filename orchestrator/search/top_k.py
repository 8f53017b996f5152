"""Select the k best of those that passed."""

import heapq
from collections.abc import Iterable

from orchestrator.search.base import Candidate
from orchestrator.search.objective import Goal
from orchestrator.search.ranking import passing, standing
from orchestrator.spec.experiment import SelectSpec


class TopK:
    """At most `k` winners, 1 when the file does not say: the best objectives among those that passed."""

    def __init__(self, select: SelectSpec) -> None:
        self._k = select.k or 1

    def select(self, candidates: Iterable[Candidate], *, goal: Goal) -> tuple[int, ...]:
        """The k best, best first; fewer when fewer passed."""
        return tuple(winner.number for winner in heapq.nsmallest(self._k, passing(candidates), key=standing(goal)))
