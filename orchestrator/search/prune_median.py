"""`median`: the median stopping rule.

After D. Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017: an evaluation is stopped at a step when its
best value so far is strictly worse than the median of others there. As in Optuna's MedianPruner the others' values are those they
reported at the very same step, and the others are those that have succeeded. Vizier takes their running averages up to the step,
which means little when not everybody reports every step.
"""

from array import array
from bisect import insort
from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from orchestrator.search.objective import Goal
from orchestrator.search.prune_base import Cut


def worse_than_median(best: float, others: Sequence[float], *, goal: Goal, min_reports: int) -> float | None:
    """The median of the others' values at a step when the best so far is strictly worse; None when it is not, or they are too few."""
    if len(others) < min_reports:
        return None
    middle = median(others)
    return middle if (best < middle if goal == "maximize" else best > middle) else None


class Median:
    """The values of all that have succeeded, by place and step."""

    def __init__(self, *, goal: Goal, min_reports: int, warmup_steps: int) -> None:
        self.goal: Goal = goal
        self.min_reports = min_reports
        self.warmup_steps = warmup_steps
        self._places: defaultdict[int, dict[int, array[float]]] = defaultdict(dict)

    def course(self, place: int) -> "MedianCourse":
        """Follow one more attempt."""
        return MedianCourse(self, self._places[place])


class MedianCourse:
    """One attempt under the median rule."""

    def __init__(self, rule: Median, values: dict[int, "array[float]"]) -> None:
        self._rule = rule
        self._values = values
        self._own: dict[int, float] = {}
        self._best: float | None = None

    def report(self, step: int, value: float) -> Cut | None:
        """Compare the best so far with what others had at this step."""
        rule = self._rule
        self._own[step] = value
        better = max if rule.goal == "maximize" else min
        self._best = best = value if self._best is None else better(self._best, value)
        others = self._values.get(step, ())
        if step < rule.warmup_steps:
            return None
        bar = worse_than_median(best, others, goal=rule.goal, min_reports=rule.min_reports)
        return None if bar is None else Cut(rule="median", step=step, value=best, bar=bar, others=len(others))

    def succeeded(self) -> None:
        """From now on the others are compared with it."""
        for step, value in self._own.items():
            insort(self._values.setdefault(step, array("d")), value)

    def forget(self) -> None:
        """Nobody has been compared with it."""
