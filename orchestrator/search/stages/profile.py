"""What a stage is like, from how its runs went: the share of its time it computes, how long it takes, how much it holds."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from statistics import fmean, stdev
from typing import Any, Final, NamedTuple

from orchestrator.errors import InvalidRequest, Problem
from orchestrator.search.stages.quantiles import quantile
from orchestrator.search.stages.student import critical

CPU_SHARE: Final = 0.7  # from here on a stage is bound by the CPU
WAITING_SHARE: Final = 0.3  # up to here it waits
_ENOUGH = 3  # runs before a stage is called anything
_CONFIDENCE = 0.95
_TINY_SECONDS = 0.0005  # a hop to a process and back costs as much
_COUNTS = frozenset({"runs", "cpu_runs", "max_rss_bytes"})
_OPTIONAL = frozenset({"cpu_share", "cpu_share_low", "cpu_share_high", "max_rss_bytes"})


class Kind(StrEnum):
    """What a stage spends its time on."""

    CPU = "cpu"  # it computes
    WAITING = "waiting"  # it waits for something else
    MIXED = "mixed"  # it does both
    UNKNOWN = "unknown"  # too few runs, or they say too little


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The runs of one stage in a few numbers; seconds and bytes.

    `cpu_share` is the mean over runs of CPU seconds per second (above 1 for what uses several cores), `_low` and `_high` the ends of its
    95 % t-interval, not below 0; `cpu_runs` is how many runs they rest on. Seconds in which others had the cores do not count, where
    the kernel tells them. Those in which another thread had the interpreter do: a share that was measured in threads is too low.
    """

    runs: int
    cpu_runs: int
    cpu_share: float | None
    cpu_share_low: float | None
    cpu_share_high: float | None
    wall_seconds: float  # the mean
    wall_p10_seconds: float
    wall_p90_seconds: float
    max_rss_bytes: int | None

    @property
    def tiny(self) -> bool:
        """Whether it is so short that handing it to another process costs more than the work."""
        return self.wall_seconds < _TINY_SECONDS

    @property
    def spread(self) -> float | None:
        """How many times its short runs its long ones take: p90 / p10; None when the short ones take no time."""
        return self.wall_p90_seconds / self.wall_p10_seconds if self.wall_p10_seconds > 0.0 else None

    def to_json(self) -> dict[str, int | float | None]:
        """All of it as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> "Profile":
        """The inverse of `to_json`. InvalidRequest when a key is missing, unknown, or no number it could be."""
        if not isinstance(value, dict):
            raise InvalidRequest("A stage's profile must be a JSON object.")
        names = [field.name for field in fields(cls)]
        problems = [Problem(name, "is missing") for name in names if name not in value]
        problems += [Problem(str(name), "is unknown") for name in value if name not in names]
        problems += [
            Problem(name, "must be a number ≥ 0") for name in names if name in value and not _fits(name, value[name])
        ]
        if problems:
            raise InvalidRequest("This is not a stage's profile.", problems=problems)
        return cls(**value)


def _fits(name: str, value: Any) -> bool:
    if value is None:
        return name in _OPTIONAL
    if isinstance(value, bool) or not isinstance(value, int if name in _COUNTS else (int, float)):
        return False
    return math.isfinite(value) and value >= 0


class Sample(NamedTuple):
    """What one evaluation that ended by itself took. `starved_seconds`: it could have computed, and others had the cores."""

    wall_seconds: float
    cpu_seconds: float | None = None
    max_rss_bytes: int | None = None
    starved_seconds: float | None = None

    @property
    def cpu_share(self) -> float | None:
        """CPU seconds per second in which it had a core or wanted none; None when it is not known.

        What is left out makes it no more than 1: above that are only evaluations that use several cores.
        """
        if self.cpu_seconds is None or self.wall_seconds <= 0.0:
            return None
        least = min(self.cpu_seconds, self.wall_seconds)
        served = max(self.wall_seconds - (self.starved_seconds or 0.0), least)
        return self.cpu_seconds / served if served > 0.0 else 0.0


def profile_of(samples: Sequence[Sample]) -> Profile | None:
    """The profile of these evaluations; None without one."""
    if not samples:
        return None
    walls = [sample.wall_seconds for sample in samples]
    shares = [sample.cpu_share for sample in samples if sample.cpu_share is not None]
    low, high = _interval(shares)
    return Profile(
        runs=len(samples),
        cpu_runs=len(shares),
        cpu_share=fmean(shares) if shares else None,
        cpu_share_low=low,
        cpu_share_high=high,
        wall_seconds=fmean(walls),
        wall_p10_seconds=quantile(walls, share=0.1),
        wall_p90_seconds=quantile(walls, share=0.9),
        max_rss_bytes=max((held for sample in samples if (held := sample.max_rss_bytes) is not None), default=None),
    )


def _interval(shares: Sequence[float]) -> tuple[float, float] | tuple[None, None]:
    """Mean ± t · s / √n, not below 0; it takes two runs."""
    if len(shares) < 2:  # noqa: PLR2004 a deviation
        return None, None
    reach = critical(_CONFIDENCE, degrees=len(shares) - 1) * stdev(shares) / math.sqrt(len(shares))
    mean = fmean(shares)
    return max(0.0, mean - reach), mean + reach


def classify(profile: Profile | None) -> Kind:
    """What the stage spends its time on: `cpu` from a share of 0.7, `waiting` up to 0.3, `mixed` between.

    `unknown` before the third run whose CPU seconds are known, and when the interval of the share crosses a border.
    """
    if profile is None or profile.cpu_runs < _ENOUGH:
        return Kind.UNKNOWN
    low, high = profile.cpu_share_low, profile.cpu_share_high
    if low is None or high is None:
        return Kind.UNKNOWN
    if high <= WAITING_SHARE:
        return Kind.WAITING
    if low >= CPU_SHARE:
        return Kind.CPU
    return Kind.MIXED if low > WAITING_SHARE and high < CPU_SHARE else Kind.UNKNOWN
