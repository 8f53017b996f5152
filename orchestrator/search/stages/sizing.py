"""How many workers: from the cores and the memory there are, from what is to run, then from how busy they were."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.errors import InvalidSpec, Problem
from orchestrator.search.stages.profile import Kind

_GIB = 1 << 30
_SMALL_BYTES, _MEDIUM_BYTES = 4 * _GIB, 8 * _GIB
_MEMORY_SHARE = 0.8  # of the free memory workers may hold
_IDLE, _BUSY = 0.5, 0.9  # utilisation below, above which a pool has the wrong size
_AIM = 0.7  # the utilisation a smaller pool is sized for
THREAD_CAP: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many evaluations run at an instant, in processes and in threads; at least 1 each."""

    processes: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What there is: cores = the smaller of the affinity's count and the quota, which may be a fraction; free memory, or None."""

    cores: float
    free_memory_bytes: int | None = None

    @property
    def whole_cores(self) -> int:
        """At least 1."""
        return max(1, math.floor(self.cores))


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """How many evaluations of each kind could run at an instant, and the most memory one of them holds (None: not known)."""

    computing: int = 0  # bound by the CPU, or not known
    mixed: int = 0
    waiting: int = 0  # for something else, or for a command
    max_rss_bytes: int | None = None


def reference(machine: Machine) -> Sizes:
    """The sizes before anything is known of the work, by memory class.

    For what waits: below 4 GiB cores / 2 (2 to 4), below 8 GiB cores (at most 8), else 2 · cores (at most 16); memory that is not
    known is taken for the middle class. What computes never gets more than the cores.
    """
    cores, free = machine.whole_cores, machine.free_memory_bytes
    if free is not None and free < _SMALL_BYTES:
        workers = min(4, max(2, cores // 2))
    elif free is None or free < _MEDIUM_BYTES:
        workers = min(8, cores)
    else:
        workers = min(16, 2 * cores)
    return Sizes(processes=max(1, min(workers, cores)), threads=max(1, workers))


def sized(machine: Machine, *, demand: Demand | None, cap: int | None = None) -> Sizes:
    """The sizes for this demand; the reference without one.

    processes = min(cores, + 1 when mixed work exists; what computes or is mixed; 0.8 · free memory / the most one holds; cap);
    threads = min(what waits; 32; cap). Each at least 1. A `cap` below 1 is an InvalidSpec.
    """
    limit = math.inf if cap is None else explicit(cap, where="limits.max_parallel")
    if demand is None:
        basis = reference(machine)
        return Sizes(processes=int(min(basis.processes, limit)), threads=int(min(basis.threads, limit)))
    processes = min(
        machine.whole_cores + (demand.mixed > 0), demand.computing + demand.mixed, _held(machine, demand), limit
    )
    return Sizes(processes=max(1, int(processes)), threads=max(1, int(min(demand.waiting, THREAD_CAP, limit))))


def demand_of(counts: Mapping[str, int], *, kinds: Mapping[str, Kind], rss: Iterable[int | None] = ()) -> Demand:
    """Add up how many evaluations of each stage could run at once, by the kind of the stage; a stage without one computes."""
    sums = dict.fromkeys(("computing", "mixed", "waiting"), 0)
    for stage, count in counts.items():
        sums[_COLUMN.get(kinds.get(stage, Kind.UNKNOWN), "computing")] += count
    return Demand(**sums, max_rss_bytes=max((held for held in rss if held is not None), default=None))


def explicit(size: int, *, where: str) -> int:
    """The size somebody gave under the key `where`; InvalidSpec below 1, for 0 is not "as many as fit"."""
    if size < 1:
        raise InvalidSpec(problems=[Problem(where, f"must be at least 1; found {size}")])
    return size


def resized(current: int, utilisation: float | None, *, most: int) -> int | None:
    """A better size for a pool that was this busy (share of its workers' time, 0 to 1), or None when the size is right.

    Below 0.5 as few as would have been 0.7 busy; above 0.9 a quarter more, at most `most`. Never the size it has.
    """
    if utilisation is None or _IDLE <= utilisation <= _BUSY:
        return None
    if utilisation < _IDLE:
        size = min(current, max(1, math.ceil(current * utilisation / _AIM)))
    else:
        size = max(current, min(most, current + max(1, current // 4)))
    return None if size == current else size


def _held(machine: Machine, demand: Demand) -> float:
    """How many of the largest fit into memory; without an end when either is not known."""
    if machine.free_memory_bytes is None or not demand.max_rss_bytes:
        return math.inf
    return math.floor(_MEMORY_SHARE * machine.free_memory_bytes / demand.max_rss_bytes)


_COLUMN = {Kind.MIXED: "mixed", Kind.WAITING: "waiting", Kind.EXTERNAL: "waiting"}
