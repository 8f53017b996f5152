"""The points the file lists, in its order."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import islice
from random import Random

from orchestrator.search.base import Point, Result
from orchestrator.spec.experiment import SearchSpec
from orchestrator.spec.space import Space


class List:
    """Proposes what stands in `search.params`, in round 1; with a count the first so many. The space is not asked."""

    def __init__(self, space: Space, *, search: SearchSpec) -> None:
        del space
        self._params = search.params

    def propose(self, round_number: int, *, count: int | None, rng: Random) -> Iterator[Point]:
        """The list in round 1, nothing later."""
        del rng
        return map(deepcopy, map(dict, islice(self._params, count if round_number == 1 else 0)))

    def exhausted(self, round_number: int) -> bool:
        """After round 1."""
        return round_number >= 1

    def tell(self, results: Iterable[Result]) -> None:
        """A list learns nothing."""
