"""Select everything that passed."""

from collections.abc import Iterable

from orchestrator.search.base import Candidate
from orchestrator.search.objective import Goal
from orchestrator.search.ranking import passing, standing
from orchestrator.spec.experiment import SelectSpec


class Passing:
    """As many winners as passed."""

    def __init__(self, select: SelectSpec) -> None:
        del select

    def select(self, candidates: Iterable[Candidate], *, goal: Goal) -> tuple[int, ...]:
        """All that passed, best first."""
        return tuple(winner.number for winner in sorted(passing(candidates), key=standing(goal)))
