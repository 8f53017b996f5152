"""The limits a control group puts on this process: how much of a CPU second each second, how much memory.

Both layouts are read, the unified one (v2) and the one tree per controller (v1). A limit counts on every level up to the root.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def cpu_limit(mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> float | None:
    """CPU seconds a second this process may use; None without a limit."""
    limits = [_cpu_max(folder) for folder in _folders(mount, membership, controller="")]
    limits += [_cpu_quota(folder) for folder in _folders(mount, membership, controller="cpu")]
    return min((limit for limit in limits if limit is not None), default=None)


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """The memory limit that leaves least."""

    limit_bytes: int
    left_bytes: int  # below it, at least 0


def memory_limit(mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> MemoryLimit | None:
    """The limit that leaves least of all those above this process; None without a limit.

    Cached pages of files count as left, as they do in the kernel's own `MemAvailable`: they are given up when memory is wanted.
    """
    found = [_limit(folder, _UNIFIED) for folder in _folders(mount, membership, controller="")]
    found += [_limit(folder, _BY_CONTROLLER) for folder in _folders(mount, membership, controller="memory")]
    return min((limit for limit in found if limit is not None), key=lambda limit: limit.left_bytes, default=None)


def _folders(mount: Path, membership: Path, *, controller: str) -> Iterator[Path]:
    """This process's group of a controller and every group above it; an empty name means the unified layout."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller not in controllers.split(","):
            continue
        tree = mount / controllers if controller else mount
        group = tree / path.lstrip("/")
        yield group
        yield from (parent for parent in group.parents if parent == tree or tree in parent.parents)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None


def _cpu_max(folder: Path) -> float | None:
    quota, _, period = (_read(folder / "cpu.max") or "max").partition(" ")
    return None if quota == "max" else int(quota) / int(period)


def _cpu_quota(folder: Path) -> float | None:
    quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    return None if quota is None or period is None or int(quota) <= 0 else int(quota) / int(period)


_UNIFIED = ("memory.max", "memory.current", ("inactive_file", "active_file"))
_BY_CONTROLLER = ("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_inactive_file", "total_active_file"))
_NO_LIMIT = 2**60  # the older layout says "as much as can be counted" where there is no limit


def _limit(folder: Path, names: tuple[str, str, tuple[str, ...]]) -> MemoryLimit | None:
    limit_file, used_file, cached_keys = names
    limit = _read(folder / limit_file)
    if limit is None or limit == "max" or int(limit) > _NO_LIMIT:
        return None
    used = _read(folder / used_file)
    if used is None:
        return None
    lines = (line.partition(" ") for line in (_read(folder / "memory.stat") or "").splitlines())
    cached = sum(int(value) for key, _, value in lines if key in cached_keys)
    return MemoryLimit(int(limit), min(max(int(limit) - max(int(used) - cached, 0), 0), int(limit)))
