"""The limits a control group puts on this process: how much of a CPU second each second, how much memory.

Both layouts are read, the unified one (v2) and the one tree per controller (v1). A limit counts on every level up to the root.
"""

from collections.abc import Iterator
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def cpu_limit(mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> float | None:
    """CPU seconds a second this process may use; None without a limit."""
    limits = [_cpu_max(folder) for folder in _folders(mount, membership, controller="")]
    limits += [_cpu_quota(folder) for folder in _folders(mount, membership, controller="cpu")]
    return min((limit for limit in limits if limit is not None), default=None)


def memory_left_bytes(mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> int | None:
    """Bytes below the tightest memory limit that are not used yet; None without a limit."""
    left = [_left(folder, "memory.max", "memory.current") for folder in _folders(mount, membership, controller="")]
    left += [
        _left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes")
        for folder in _folders(mount, membership, controller="memory")
    ]
    return min((rest for rest in left if rest is not None), default=None)


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


def _left(folder: Path, limit_file: str, used_file: str) -> int | None:
    limit, used = _read(folder / limit_file), _read(folder / used_file)
    if limit is None or used is None or limit == "max":
        return None
    return max(int(limit) - int(used), 0)
