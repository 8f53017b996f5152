"""How much memory an evaluation may hold: measured over its whole process tree, and the backstop in the kernel.

What a tree holds is sampled from outside of it, by the daemon for its slots and by the keeper for what it started: a thread of the
evaluation's own process would be silenced by C code that holds the interpreter's lock. Between two samples RLIMIT_DATA catches
what asks for far too much at once. It is far above the limit, as threads and libraries reserve much that they never touch.
"""

from __future__ import annotations

import os
import resource
from typing import Dict, Iterable, List, NamedTuple, Optional

from orchestrator.worker.keeper_trees import children_of

SAMPLE_SECONDS = 0.05
MOST_SHARE = 0.05
"""Of one core's time is spent on looking; when a look takes long, the next one comes later."""

OOM_SCORE_ADJUSTMENT = 500
"""Under memory pressure the kernel takes an evaluation before the daemon."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_ROOM_BYTES = 1 << 30
_ROOM_OF_A_CORE_BYTES = 1 << 26


class Held(NamedTuple):
    """What a process tree holds in memory at one instant."""

    total_bytes: int
    largest_bytes: int  # of one process


def tree_of(roots: Iterable[int]) -> Dict[int, int]:
    """These processes and all their descendants that live, each with its parent (0 for a root)."""
    found = dict.fromkeys(roots, 0)
    unseen = list(found)
    while unseen:
        parent = unseen.pop()
        for child in children_of(parent):
            if child not in found:
                found[child] = parent
                unseen.append(child)
    return found


def held_by(tree: Dict[int, int]) -> Held:
    """The resident memory of a tree. A child that still runs on its parent's memory, as between fork and exec, counts once."""
    sizes = {pid: _size_of(pid) for pid in tree}
    counted = [int(size[1]) for pid, size in sizes.items() if size and size != sizes.get(tree[pid])]
    return Held(sum(counted) * _PAGE_BYTES, max(counted, default=0) * _PAGE_BYTES)


def _size_of(pid: int) -> List[bytes]:
    """All numbers of its statm, in pages; nothing when it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            numbers = file.read().split()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    return numbers if len(numbers) > 1 else []


def fair_bytes(tree: Iterable[int]) -> int:
    """The same with pages that processes share divided among them. Slow: the kernel walks through all their pages."""
    return sum(_fair_share_of(pid) for pid in tree)


def _fair_share_of(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except PermissionError:  # it runs with other rights than ours
        size = _size_of(pid)
        return int(size[1]) * _PAGE_BYTES if size else 0
    return 0


class Meter:
    """Follows one tree against its limit."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.peak_bytes: Optional[int] = None
        self._suspected = False

    def exceeded(self, roots: Iterable[int]) -> Optional[int]:
        """Look now: how much the tree holds when that is more than its limit.

        Several processes that are too much only together must be so at two looks in a row, and with what they share counted once.
        """
        try:
            tree = tree_of(roots)
            held = held_by(tree)
            used = held.total_bytes
            if used > self.limit_bytes >= held.largest_bytes:
                used = min(used, fair_bytes(tree))
        except OSError:  # no descriptor is free: it is looked at again soon
            return None
        self.peak_bytes = max(used, self.peak_bytes or 0)
        before, self._suspected = self._suspected, used > self.limit_bytes
        return used if held.largest_bytes > self.limit_bytes or (before and self._suspected) else None

    def reset(self) -> None:
        """Another evaluation has begun in the tree."""
        self.peak_bytes = None
        self._suspected = False


def pause_seconds(look_seconds: float) -> float:
    """How long to wait after a look that took so long."""
    return max(SAMPLE_SECONDS, look_seconds / MOST_SHARE)


def backstop_bytes(limit_bytes: int) -> int:
    """The RLIMIT_DATA that goes with a limit: twice as much and room for stacks and buffers that are reserved for every core."""
    return 2 * limit_bytes + _ROOM_BYTES + _ROOM_OF_A_CORE_BYTES * (os.cpu_count() or 1)


class Backstop:
    """The soft RLIMIT_DATA of this process, which what it starts inherits."""

    def __init__(self) -> None:
        self._own = resource.getrlimit(resource.RLIMIT_DATA)
        self.limit_bytes: Optional[int] = None  # of an evaluation, as it is set now

    def put(self, limit_bytes: Optional[int]) -> None:
        """Have the one that goes with this limit; None: the one this process was born with. Cheap when nothing changes."""
        if limit_bytes == self.limit_bytes:
            return
        soft, hard = self._own
        if limit_bytes is not None:
            wanted = backstop_bytes(limit_bytes)
            soft = min(limit for limit in (wanted, soft, hard) if limit != resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        self.limit_bytes = limit_bytes


BACKSTOP = Backstop()
"""Of this process."""


def size_text(size_bytes: int) -> str:
    """As people write it: 256 MiB, 1.5 GiB."""
    value, unit = float(size_bytes), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:  # noqa: PLR2004 - the binary thousand
            break
        value, unit = value / 1024, larger
    return f"{value:.4g} {unit}"


def excess_text(used_bytes: int, limit_bytes: int) -> str:
    """What is said of an evaluation that was killed for its memory."""
    if used_bytes <= limit_bytes:  # the kernel did not let it have more
        return f"it needed more memory than its limit of {size_text(limit_bytes)}, and was killed"
    return (
        f"it held {size_text(used_bytes)} of memory with all its processes, more than its limit of "
        f"{size_text(limit_bytes)}, and was killed"
    )


def refusal_text(limit_bytes: int) -> str:
    """What is said of an evaluation to which the backstop has refused memory."""
    return f"it asked for more memory at once than its limit of {size_text(limit_bytes)} leaves room for"


def be_killed_before_the_daemon() -> None:
    """Under memory pressure the kernel chooses this process, or what it has started, first."""
    try:
        with open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
            score = min(1000, int(file.read()) + OOM_SCORE_ADJUSTMENT)
            file.seek(0)
            file.write(str(score))
    except (OSError, ValueError):
        return  # a sandbox that hides the file decides for itself
