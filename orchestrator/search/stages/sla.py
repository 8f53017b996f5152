"""Whether stages kept to their time: met, warning above 80 % of the limit, missed above it; and what limit would fit."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist, fmean, stdev
from typing import Final

from orchestrator.search.stages.quantiles import quantile
from orchestrator.search.stages.records import StageRun, StageShape
from orchestrator.search.stages.student import critical

WARNING_SHARE: Final = 0.8
"""Above this share of a limit there is a warning."""

_ROOM = 1.25  # a suggested limit over what 95 % of the runs kept to
_LEAST_DEGREES = 2
_TICK_SECONDS = 1e-9  # of the clock: what is shorter was not measured, and its logarithm has no end
_ENOUGH = 10  # runs before a limit is suggested


class SlaVerdict(StrEnum):
    """How a duration stands to its limit."""

    MET = "met"  # up to 80 % of it
    WARNING = "warning"  # above 80 %, at most the limit
    MISSED = "missed"  # longer


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSla:
    """A stage against its limit. Seconds; the verdicts are None without a limit, the suggestion before the tenth success."""

    stage: str
    limit_seconds: float | None
    runs: int
    warnings: int
    misses: int
    worst_seconds: float
    worst: SlaVerdict | None
    p95_seconds: float
    p95: SlaVerdict | None
    suggested_seconds: float | None


def verdict(wall_seconds: float, *, limit_seconds: float | None) -> SlaVerdict | None:
    """How one duration stands to a limit, that of a run or of a whole lane; None without a limit."""
    if limit_seconds is None:
        return None
    if wall_seconds > limit_seconds:
        return SlaVerdict.MISSED
    return SlaVerdict.WARNING if wall_seconds > WARNING_SHARE * limit_seconds else SlaVerdict.MET


def stage_sla(runs: Iterable[StageRun], *, shape: StageShape) -> StageSla | None:
    """How the runs of one stage stand to its limit; None when none ran to an end of its own. Runs of other stages are left out."""
    own = [run for run in runs if run.stage == shape.name and run.ran]
    if not own:
        return None
    limit, walls = shape.sla_seconds, [run.wall_seconds for run in own]
    verdicts = [verdict(wall, limit_seconds=limit) for wall in walls]
    p95 = quantile(walls, share=0.95)
    return StageSla(
        stage=shape.name,
        limit_seconds=limit,
        runs=len(own),
        warnings=verdicts.count(SlaVerdict.WARNING),
        misses=verdicts.count(SlaVerdict.MISSED),
        worst_seconds=max(walls),
        worst=verdict(max(walls), limit_seconds=limit),
        p95_seconds=p95,
        p95=verdict(p95, limit_seconds=limit),
        suggested_seconds=suggested_limit([run.wall_seconds for run in own if run.state == "succeeded"]),
    )


def p95_upper(walls: Sequence[float]) -> float | None:
    """Up to where the 95th percentile may surely (one-sided 95 %) lie, in seconds, if the logarithms are normal; None of fewer than three.

    mean + z · s + t · s · √(1/n + z²/(2(n − 1))) of the logarithms: a normal quantile with its standard error (G. J. Hahn and W. Q.
    Meeker, "Statistical Intervals", 1991, chapter 4).
    """
    logarithms = [math.log(max(wall, _TICK_SECONDS)) for wall in walls if wall > 0.0]
    degrees = len(logarithms) - 1
    if degrees < _LEAST_DEGREES:
        return None
    deviation, z = stdev(logarithms), NormalDist().inv_cdf(0.95)
    error = math.sqrt(1.0 / len(logarithms) + z * z / (2.0 * degrees))
    return math.exp(fmean(logarithms) + deviation * (z + critical(0.9, degrees=degrees) * error))


def suggested_limit(walls: Sequence[float]) -> float | None:
    """1.25 · the 95th percentile of at least ten successful runs, in seconds; None of fewer."""
    return _ROOM * quantile(walls, share=0.95) if len(walls) >= _ENOUGH else None
