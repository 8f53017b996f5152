"""Select the one best of those that passed."""

from collections.abc import Iterable

from orchestrator.search.base import Candidate
from orchestrator.search.objective import Goal
from orchestrator.search.ranking import passing, standing
from orchestrator.spec.experiment import SelectSpec


class Best:
    """One winner: the best objective among those that passed."""

    def __init__(self, select: SelectSpec) -> None:
        del select

    def select(self, candidates: Iterable[Candidate], *, goal: Goal) -> tuple[int, ...]:
        """The best one, or none when nothing passed."""
        best = min(passing(candidates), key=standing(goal), default=None)
        return () if best is None else (best.number,)
