"""The quality gate: a score in [0, 1] for a variant's metrics, whether it passes, and what it lacks, in words."""

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from orchestrator.search.criterion import score, shortfall, wanted
from orchestrator.spec.criterion import GateCriterion
from orchestrator.spec.experiment import GateSpec

_HALF = 0.5  # a required criterion below this is a required failure


class CriterionVerdict(NamedTuple):
    """How one criterion went. `value` and `shortfall` (metric units, 0 when reached) are None when the metric is missing.

    A tuple: thousands are made at once.
    """

    metric: str
    op: str
    threshold: float
    value: float | None
    score: float
    required_failure: bool
    shortfall: float | None
    wanted: str  # `>= 1`, `between 0 and 2`

    @property
    def text(self) -> str:
        """`sharpe is 0.9, needs >= 1 (0.1 short), score 0.75`."""
        found = "is missing" if self.value is None else f"is {self.value:.10g}"
        short = f" ({self.shortfall:.10g} short)" if self.shortfall else ""
        required = ", required" if self.required_failure else ""
        return f"{self.metric} {found}, needs {self.wanted}{short}, score {self.score:.3g}{required}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """What the gate says of one variant; `criteria` in file order. `score` is None when there is no gate."""

    score: float | None
    passed: bool
    criteria: tuple[CriterionVerdict, ...] = ()

    @property
    def weakest_first(self) -> tuple[CriterionVerdict, ...]:
        """The criteria from the lowest score up; equals keep their order."""
        return tuple(sorted(self.criteria, key=lambda verdict: verdict.score))

    @property
    def feedback(self) -> str:
        """A line for every criterion that is not fully met, the weakest first; empty when all are."""
        return "\n".join(verdict.text for verdict in self.weakest_first if verdict.score < 1.0)


class Gate(Protocol):
    """Judges a variant. Duties: a function of the metrics alone; a score in [0, 1] or None; never raises for a metric."""

    def judge(self, metrics: Mapping[str, float]) -> GateVerdict:
        """The verdict on one variant's metrics."""
        ...


class OpenGate:
    """Lets everything through, unscored."""

    def judge(self, metrics: Mapping[str, float]) -> GateVerdict:
        """Passed."""
        del metrics
        return _OPEN


class QualityGate:
    """The weighted mean of the criteria's scores against `min_score`, and required failures against those allowed."""

    def __init__(self, spec: GateSpec) -> None:
        self._spec = spec
        self._asked = [(criterion, wanted(criterion)) for criterion in spec.criterion]
        self._weights = [criterion.weight for criterion in spec.criterion]

    def judge(self, metrics: Mapping[str, float]) -> GateVerdict:
        """Score every criterion; a missing metric scores 0."""
        verdicts = tuple([_verdict(one, asked, metrics.get(one.metric)) for one, asked in self._asked])
        total = _weighted_mean([verdict.score for verdict in verdicts], self._weights)
        failures = sum(verdict.required_failure for verdict in verdicts)
        passed = failures <= self._spec.max_required_failures and total >= self._spec.min_score
        return GateVerdict(score=total, passed=passed, criteria=verdicts)


def gate(spec: GateSpec | None) -> Gate:
    """The gate of an experiment, open when it has none."""
    return OpenGate() if spec is None else QualityGate(spec)


def _verdict(criterion: GateCriterion, asked: str, value: float | None) -> CriterionVerdict:
    known = value if value is not None and math.isfinite(value) else None
    points = score(criterion, known)
    short = None if known is None else shortfall(criterion, known)
    failure = criterion.required and points < _HALF
    return CriterionVerdict(criterion.metric, criterion.op, criterion.threshold, known, points, failure, short, asked)


def _weighted_mean(scores: Sequence[float], weights: Sequence[float]) -> float:
    """The weights are above 0; they are scaled first, so that huge ones do not overflow."""
    largest = max(weights)
    scaled = [weight / largest for weight in weights]
    return min(1.0, math.fsum(map(operator.mul, scores, scaled)) / math.fsum(scaled))


_OPEN = GateVerdict(score=None, passed=True)
