"""A variant's metrics from those of its iterations: one number a metric, its spread, and the same for every case.

Of metrics with one name the last stage's count. The result is a function of the observations as given, which is ref order;
sums are exact (`math.fsum`), so that the order could not change them anyway.
"""

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.search.criterion import badness
from orchestrator.spec.criterion import Criterion
from orchestrator.spec.experiment import Aggregate as Method
from orchestrator.spec.experiment import Objective

Badness = Callable[[float], float]  # larger is worse
Fold = Callable[[str, Sequence[float]], float]  # (metric, its values) -> one number


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one succeeded iteration measured. `stage` is the position in the file."""

    stage: int
    case: str | None
    repeat: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How far apart the values of one metric are. `deviation` is the sample's; None when it is too large for a number."""

    count: int
    deviation: float | None
    minimum: float
    maximum: float


class Aggregate(NamedTuple):
    """`values` and `spread` over cases and repeats, `cases` over the repeats of each named case.

    A metric with one value only has no spread.
    """

    values: Mapping[str, float]
    spread: Mapping[str, Spread]
    cases: Mapping[str, Mapping[str, float]]


def aggregate(
    observations: Sequence[Observation], *, method: Method = "mean", worse: Mapping[str, Badness] | None = None
) -> Aggregate:
    """Put the iterations of one variant together; `worse` (see `directions`) is needed for "worst" only."""
    if len(observations) == 1 and observations[0].case is None:
        return Aggregate(values=dict(observations[0].metrics), spread={}, cases={})
    fold = _fold(method, worse or {})
    counting = _counting(observations)
    everything = _columns(counting)
    return Aggregate(
        values=_folded(everything, fold),
        spread={metric: spread(values) for metric, values in everything.items() if len(values) > 1},
        cases={case: _folded(_columns(own), fold) for case, own in _by_case(counting).items()},
    )


def directions(objectives: Iterable[Objective], criteria: Iterable[Criterion] = ()) -> dict[str, Badness]:
    """Which way is worse, for every metric that has a direction: an objective's goal, else its first criterion.

    Give the gate's criteria first, then those of promotions and the target. For `==` and `between` the value furthest outside
    is the worst.
    """
    worse: dict[str, Badness] = {}
    for objective in objectives:
        worse.setdefault(objective.metric, _against(objective.goal))
    for criterion in criteria:
        worse.setdefault(criterion.metric, badness(criterion))
    return worse


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean, within the values' own range whatever the rounding, their order, and however large they are."""
    count = len(values)
    if max(map(abs, values)) > sys.float_info.max / (
        2 * count
    ):  # their sum might overflow, in some order or by rounding
        middle = 2.0 * math.fsum(value / 2.0 / count for value in values)
    else:
        middle = math.fsum(values) / count
    return min(max(middle, min(values)), max(values))


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the middle two."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else mean(ordered[half - 1 : half + 1])


def spread(values: Sequence[float]) -> Spread:
    """Count, sample standard deviation, minimum and maximum of at least two values."""
    return Spread(count=len(values), deviation=_deviation(values), minimum=min(values), maximum=max(values))


def _deviation(values: Sequence[float]) -> float | None:
    middle = mean(values)
    distances = [value - middle for value in values]
    scale = max(map(abs, distances))
    if scale == 0.0:
        return 0.0
    deviation = scale * math.sqrt(math.fsum((distance / scale) ** 2 for distance in distances) / (len(values) - 1))
    return deviation if math.isfinite(deviation) else None


def _against(goal: str) -> Badness:
    return (lambda value: -value) if goal == "maximize" else (lambda value: value)


def _fold(method: Method, worse: Mapping[str, Badness]) -> Fold:
    """How values become one. The worst of a metric without a direction is its mean: nobody said which way is bad."""
    if method == "median":
        return lambda _, values: median(values)
    if method == "mean":
        return lambda _, values: mean(values)
    return lambda metric, values: max(values, key=worse[metric]) if metric in worse else mean(values)


def _counting(observations: Sequence[Observation]) -> list[tuple[str | None, str, float]]:
    """(case, metric, value) of the last stage that reports the metric, in the order given."""
    last: dict[str, int] = {}
    for seen in observations:
        for metric in seen.metrics:
            last[metric] = max(seen.stage, last.get(metric, seen.stage))
    return [
        (seen.case, metric, value)
        for seen in observations
        for metric, value in seen.metrics.items()
        if last[metric] == seen.stage
    ]


def _columns(counting: Iterable[tuple[str | None, str, float]]) -> dict[str, list[float]]:
    columns: dict[str, list[float]] = {}
    for _, metric, value in counting:
        columns.setdefault(metric, []).append(value)
    return columns


def _by_case(
    counting: Iterable[tuple[str | None, str, float]],
) -> dict[str, list[tuple[str | None, str, float]]]:
    cases: dict[str, list[tuple[str | None, str, float]]] = {}
    for row in counting:
        if row[0] is not None:
            cases.setdefault(row[0], []).append(row)
    return cases


def _folded(columns: Mapping[str, Sequence[float]], fold: Fold) -> dict[str, float]:
    return {metric: fold(metric, values) for metric, values in columns.items()}
