"""`threshold`: whoever does not meet a bar from some step on is stopped. It looks at nobody else, so timing cannot change who it is."""

from orchestrator.search.criterion import met
from orchestrator.search.prune_base import Cut
from orchestrator.spec.criterion import Criterion


def misses(criterion: Criterion, *, step: int, value: float, from_step: int) -> bool:
    """Whether a value at a step is judged and does not meet the bar."""
    return step >= from_step and not met(criterion, value)


class Threshold:
    """The bar. It is also the course of every attempt, since nothing is remembered."""

    def __init__(self, criterion: Criterion, *, from_step: int) -> None:
        self._criterion = criterion
        self._from_step = from_step

    def course(self, place: int) -> "Threshold":
        """Every attempt is held against the same bar."""
        del place
        return self

    def report(self, step: int, value: float) -> Cut | None:
        """Hold the value against the bar."""
        if not misses(self._criterion, step=step, value=value, from_step=self._from_step):
            return None
        return Cut(rule="threshold", step=step, value=value, bar=self._criterion.threshold)

    def succeeded(self) -> None:
        """Nothing to learn."""

    def forget(self) -> None:
        """Nothing was learned."""
