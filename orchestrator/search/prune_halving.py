"""`halving`: asynchronous successive halving (ASHA).

After L. Li, K. Jamieson et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, algorithm 2, in the form that stops
what runs and pauses nothing, as in Ray's ASHAScheduler and Optuna's SuccessiveHalvingPruner. There is a rung at each of the steps
r, r·η, r·η², … (r the minimum step, η the reduction). Whoever reports at or beyond a rung stands on it with that value, and goes on
when it is among the best 1/η of all that stand there at that moment, itself included; of fewer than η the best one goes on.
"""

from array import array
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence

from orchestrator.search.objective import Goal
from orchestrator.search.prune_base import Cut


def last_that_goes_on(standing: Sequence[float], *, reduction: int) -> float:
    """The value of the last of those who go on; `standing` is everybody on a rung, sorted, smaller is better, at least one."""
    return standing[max(1, len(standing) // reduction) - 1]


class Halving:
    """Who stands on which rung, by place. Values are turned so that smaller is better."""

    def __init__(self, *, goal: Goal, reduction: int, min_step: int) -> None:
        self.sign = -1.0 if goal == "maximize" else 1.0
        self.reduction = reduction
        self.min_step = min_step
        self._rungs: defaultdict[int, defaultdict[int, array[float]]] = defaultdict(
            lambda: defaultdict(lambda: array("d"))
        )

    def course(self, place: int) -> "HalvingCourse":
        """Follow one more attempt."""
        return HalvingCourse(self, self._rungs[place])


class HalvingCourse:
    """One attempt on its way up the rungs."""

    def __init__(self, rule: Halving, rungs: "defaultdict[int, array[float]]") -> None:
        self._rule = rule
        self._rungs = rungs
        self._next = rule.min_step
        self._stands: list[tuple[int, float]] = []

    def report(self, step: int, value: float) -> Cut | None:
        """Step on every rung up to this step, as long as it may go on."""
        rule = self._rule
        turned = rule.sign * value
        while step >= self._next:
            standing = self._rungs[self._next]
            insort(standing, turned)
            self._stands.append((self._next, turned))
            self._next *= rule.reduction
            bar = last_that_goes_on(standing, reduction=rule.reduction)
            if turned > bar:
                return Cut(rule="halving", step=step, value=value, bar=rule.sign * bar, others=len(standing) - 1)
        return None

    def succeeded(self) -> None:
        """It stands where it stands."""

    def forget(self) -> None:
        """Take it off its rungs."""
        for rung, turned in self._stands:
            standing = self._rungs[rung]
            del standing[bisect_left(standing, turned)]
        self._stands.clear()
