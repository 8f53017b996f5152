"""The figures of a run of the graph: sums, and the ratios made of them.

T = last end − first start, W = Σ wall, C = Σ CPU seconds, A = Σ of what each would have taken alone on the machine (by its profile; its
wall where there is none), P = the critical path by these times, L = max(P, C / cores).
"""

from dataclasses import dataclass
from typing import Any

from orchestrator.search.stages.graph import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFigures:
    """How busy the workers of one pool were. `workers` is as many as there were, and at least as many as worked at an instant."""

    name: str
    workers: int
    busy_seconds: float
    capacity_seconds: float  # workers · T

    @property
    def utilisation(self) -> float | None:
        """The share of its workers' time in which they worked, 0 to 1: not a rate of success."""
        share = _ratio(self.busy_seconds, self.capacity_seconds)
        return None if share is None else min(1.0, share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The sums, of which the ratios are made. Seconds and bytes; None for what is not known or would be a division by 0."""

    runs: int
    succeeded: int
    wall_seconds: float  # T
    work_seconds: float  # W
    cpu_seconds: float | None  # C
    core_seconds: float  # cores · T
    pools: tuple[PoolFigures, ...]
    queued_seconds: float | None
    queued_work_seconds: float  # the work of those whose time in the queue is known
    critical_path: Path  # of stages, each alone on the machine: P
    lower_bound_seconds: float  # L
    alone_seconds: float  # A
    sequential_seconds: float | None  # A where all profiles are known
    peak_memory_bytes: int | None

    @property
    def concurrency(self) -> float | None:
        """How many worked at an instant, in the mean: W / T."""
        return _ratio(self.work_seconds, self.wall_seconds)

    @property
    def cpu_efficiency(self) -> float | None:
        """The share of the cores' time that was computed: C / (cores · T)."""
        return None if self.cpu_seconds is None else _ratio(self.cpu_seconds, self.core_seconds)

    @property
    def speed_up(self) -> float | None:
        """How many times faster than one after the other, T_sequential / T: an estimate, as that time is."""
        return None if self.sequential_seconds is None else _ratio(self.sequential_seconds, self.wall_seconds)

    @property
    def efficiency(self) -> float | None:
        """The speed-up for each worker."""
        return None if self.speed_up is None else _ratio(self.speed_up, sum(pool.workers for pool in self.pools))

    @property
    def headroom(self) -> float | None:
        """How many times the least possible it took: T / L."""
        return _ratio(self.wall_seconds, self.lower_bound_seconds)

    @property
    def scaling_limit(self) -> float | None:
        """How many times faster than one after the other any number of workers could be on these cores: A / L."""
        return _ratio(self.alone_seconds, self.lower_bound_seconds)

    @property
    def queue_share(self) -> float | None:
        """The share of their time that runs were in a queue: Σ queue / Σ (queue + wall)."""
        if self.queued_seconds is None:
            return None
        return _ratio(self.queued_seconds, self.queued_seconds + self.queued_work_seconds)

    @property
    def throughput(self) -> float | None:
        """Succeeded runs a second of T."""
        return _ratio(self.succeeded, self.wall_seconds)

    def to_json(self) -> dict[str, Any]:
        """All of it, as a JSON object of finite numbers, text and null."""
        return {
            "runs": self.runs,
            "succeeded": self.succeeded,
            "wall_seconds": self.wall_seconds,
            "work_seconds": self.work_seconds,
            "cpu_seconds": self.cpu_seconds,
            "concurrency": self.concurrency,
            "utilisation": {pool.name: pool.utilisation for pool in self.pools},
            "workers": {pool.name: pool.workers for pool in self.pools},
            "cpu_efficiency": self.cpu_efficiency,
            "speed_up": self.speed_up,
            "speed_up_basis": None if self.speed_up is None else "estimated",
            "efficiency": self.efficiency,
            "critical_path": list(self.critical_path.names),
            "critical_path_seconds": self.critical_path.seconds,
            "lower_bound_seconds": self.lower_bound_seconds,
            "headroom": self.headroom,
            "scaling_limit": self.scaling_limit,
            "queue_share": self.queue_share,
            "throughput_per_second": self.throughput,
            "peak_memory_bytes": self.peak_memory_bytes,
        }


def _ratio(above: float, below: float) -> float | None:
    return above / below if below > 0.0 else None
