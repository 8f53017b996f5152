"""Whether a stage, or a whole run, has become slower or faster: walls before against walls after, on their logarithms.

The ratio after / before has a t-interval (Welch's for two samples, Biometrika 34, 1947; the one-sample one for pairs) and a
permutation p-value (R. A. Fisher; of pairs the signs are exchanged). `rng` draws the permutations and nothing else.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean, variance
from typing import Literal, NamedTuple

from orchestrator.search.stages.student import critical

_CONFIDENCE = 0.95
_ONE_SIDED = 0.9  # an interval of which 95 % lies below its upper end
_EFFECT = 0.05  # less is no change worth a word
_TICK_SECONDS = 1e-9
ENOUGH_RUNS = 5  # runs on each side
_PERMUTATIONS = 499


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What changed: `ratio` = after / before with its interval; None, all four, when a side has fewer than five runs."""

    changed: Literal["slower", "faster"] | None
    ratio: float | None
    low: float | None
    high: float | None
    p_value: float | None
    before_count: int
    after_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a candidate is kept, and the sentence that says why."""

    kept: bool
    reason: str
    verdict: Verdict


class _Difference(NamedTuple):
    mean: float
    error: float  # standard error of the mean
    degrees: float
    p_value: float


def regression(before: Sequence[float], after: Sequence[float], *, rng: Random, paired: bool = False) -> Verdict:
    """Compare wall seconds; `paired` when each is measured beside the one at the same place of the other side.

    Changed: the 95 % interval leaves 1 out, p < 0.05, and the ratio is at least 5 % away from 1; of pairs it takes six for p to be so
    low. Walls that are not above 0 do not count, nor does a pair with one of them. Of pairs it takes six for p to be so low.
    """
    return _verdict(*_usable(before, after, paired=paired), rng=rng, paired=paired, confidence=_CONFIDENCE)


def keep(before: Sequence[float], after: Sequence[float], *, rng: Random, paired: bool = False) -> Decision:
    """Whether a candidate's walls (`after`) are surely 5 % shorter: the one-sided 95 % interval of the ratio lies below 0.95."""
    verdict = _verdict(*_usable(before, after, paired=paired), rng=rng, paired=paired, confidence=_ONE_SIDED)
    if verdict.ratio is None or verdict.low is None or verdict.high is None:
        few = min(verdict.before_count, verdict.after_count)
        return Decision(kept=False, reason=f"{few} runs are too few, {ENOUGH_RUNS} are needed", verdict=verdict)
    kept = verdict.high < 1.0 - _EFFECT and verdict.changed == "faster"
    found = f"{verdict.ratio:.3f} ({verdict.low:.3f} to {verdict.high:.3f}) of the time before"
    needed = "surely" if kept else "not surely"
    return Decision(kept=kept, reason=f"{found}: {needed} below {1.0 - _EFFECT:g}", verdict=verdict)


def _usable(before: Sequence[float], after: Sequence[float], *, paired: bool) -> tuple[list[float], list[float]]:
    """The logarithms of what can be compared."""
    if not paired:
        return [_logarithm(wall) for wall in before if wall > 0.0], [_logarithm(wall) for wall in after if wall > 0.0]
    pairs = [pair for pair in zip(before, after, strict=True) if min(pair) > 0.0]
    return [_logarithm(wall) for wall, _ in pairs], [_logarithm(wall) for _, wall in pairs]


def _logarithm(wall: float) -> float:
    """What is shorter than a tick of the clock was not measured."""
    return math.log(max(wall, _TICK_SECONDS))


def _verdict(
    before: Sequence[float], after: Sequence[float], *, rng: Random, paired: bool, confidence: float
) -> Verdict:
    if min(len(before), len(after)) < ENOUGH_RUNS:
        return Verdict(
            changed=None,
            ratio=None,
            low=None,
            high=None,
            p_value=None,
            before_count=len(before),
            after_count=len(after),
        )
    found = _of_pairs(before, after, rng=rng) if paired else _of_samples(before, after, rng=rng)
    reach = critical(confidence, degrees=found.degrees) * found.error
    sure = abs(found.mean) > reach and found.p_value < 1.0 - confidence
    ratio = math.exp(found.mean)
    return Verdict(
        changed=_direction(ratio) if sure else None,
        ratio=ratio,
        low=math.exp(found.mean - reach),
        high=math.exp(found.mean + reach),
        p_value=found.p_value,
        before_count=len(before),
        after_count=len(after),
    )


def _direction(ratio: float) -> Literal["slower", "faster"] | None:
    if ratio >= 1.0 + _EFFECT:
        return "slower"
    return "faster" if ratio <= 1.0 - _EFFECT else None


def _of_samples(before: Sequence[float], after: Sequence[float], *, rng: Random) -> _Difference:
    parts = [variance(side) / len(side) for side in (before, after)]
    least = min(len(before), len(after)) - 1.0  # what Welch's degrees cannot be below
    squares = sum(part * part / (len(side) - 1) for part, side in zip(parts, (before, after), strict=True))
    mean, together = fmean(after) - fmean(before), [*before, *after]
    middle = fmean(together)
    centred = [value - middle for value in together]
    extreme = sum(_as_far(sum(rng.sample(centred, len(after))), mean, before, after) for _ in range(_PERMUTATIONS))
    return _Difference(
        mean=mean,
        error=math.sqrt(sum(parts)),
        degrees=max(least, sum(parts) ** 2 / squares) if squares > 0.0 else least,
        p_value=(extreme + 1) / (_PERMUTATIONS + 1),
    )


def _as_far(drawn: float, mean: float, before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether a draw of the centred values, which add up to 0, puts the two sides as far apart as they were found."""
    return abs(drawn / len(after) + drawn / len(before)) >= abs(mean) * (1.0 - 1e-9)


def _of_pairs(before: Sequence[float], after: Sequence[float], *, rng: Random) -> _Difference:
    differences = [later - earlier for earlier, later in zip(before, after, strict=True)]
    mean, count = fmean(differences), len(differences)
    drawn = (
        sum(value if rng.getrandbits(1) else -value for value in differences) / count for _ in range(_PERMUTATIONS)
    )
    extreme = sum(abs(value) >= abs(mean) * (1.0 - 1e-9) for value in drawn)
    return _Difference(
        mean=mean,
        error=math.sqrt(variance(differences) / count),
        degrees=count - 1.0,
        p_value=(extreme + 1) / (_PERMUTATIONS + 1),
    )
