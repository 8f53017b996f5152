"""How many workers: from the cores and the memory there are, then from how busy they were."""

import math
from dataclasses import dataclass
from typing import Final

from orchestrator.errors import InvalidSpec, Problem

_GIB = 1 << 30
_SMALL_BYTES, _MEDIUM_BYTES = 4 * _GIB, 8 * _GIB
IDLE: Final = 0.5
"""The utilisation below which a pool has more workers than it needs."""

BUSY: Final = 0.9
"""The utilisation above which more workers may help."""

_AIM = 0.7  # the utilisation a smaller pool is sized for


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many evaluations run at an instant, in processes and in threads; at least 1 each."""

    processes: int
    threads: int


def reference(cores: int, *, memory_bytes: int) -> Sizes:
    """The sizes before anything is known of the work, by the memory there is.

    Threads, for what waits: below 4 GiB half the cores (2 to 4), below 8 GiB the cores (at most 8), else twice the cores (at most 16).
    Processes, for what computes: as many, and never more than the cores; where memory is not short, the cores.
    """
    if memory_bytes >= _MEDIUM_BYTES:
        return Sizes(processes=max(1, cores), threads=max(1, min(16, 2 * cores)))
    waiting = min(4, max(2, cores // 2)) if memory_bytes < _SMALL_BYTES else max(1, min(8, cores))
    return Sizes(processes=max(1, min(waiting, cores)), threads=waiting)


def explicit(size: int, *, where: str) -> int:
    """The size somebody gave under the key `where`; InvalidSpec below 1, for 0 is not "as many as fit"."""
    if size < 1:
        raise InvalidSpec(problems=[Problem(where, f"must be at least 1; found {size}")])
    return size


def enough(workers: int, utilisation: float | None) -> int | None:
    """As few workers as would have been 0.7 busy, for a pool that was less than half as busy as it could; None when its size is right."""
    if utilisation is None or utilisation >= IDLE:
        return None
    size = max(1, math.ceil(workers * utilisation / _AIM))
    return size if size < workers else None
