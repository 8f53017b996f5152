"""The order candidates stand in, said once for every selector."""

from collections.abc import Callable, Iterable, Iterator

from orchestrator.search.base import Candidate
from orchestrator.search.objective import Goal, rank_key

Standing = tuple[tuple[bool, float], int]


def passing(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Those that may win."""
    return (candidate for candidate in candidates if candidate.passed)


def standing(goal: Goal) -> Callable[[Candidate], Standing]:
    """A sort key: best objective first, no objective last, ties by the lower number."""
    return lambda candidate: (rank_key(candidate.objective, goal=goal), candidate.number)
