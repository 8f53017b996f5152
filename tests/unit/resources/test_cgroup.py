"""Limits of control groups, in both layouts."""

from pathlib import Path

import pytest

from orchestrator.resources.cgroup import MemoryLimit, cpu_limit, memory_limit


def layout(root: Path, membership: str, files: dict[str, str]) -> tuple[Path, Path]:
    """A control group tree with a process in it: (mount, membership file)."""
    for name, text in files.items():
        file = root / "fs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    (root / "self").write_text(membership + "\n")
    return root / "fs", root / "self"


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "150000 100000"}, 1.5),
        ("0::/a/b", {"a/b/cpu.max": "50000 100000", "a/cpu.max": "150000 100000"}, 0.5),
        ("0::/", {"cpu.max": "max 100000"}, None),
        ("0::/", {}, None),
        (
            "4:cpu,cpuacct:/a",
            {"cpu,cpuacct/a/cpu.cfs_quota_us": "200000", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"},
            2.0,
        ),
        ("4:cpu:/a", {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, None),
    ],
)
def test_the_tightest_cpu_quota_counts(
    tmp_path: Path, membership: str, files: dict[str, str], expected: float | None
) -> None:
    """Of the quotas from this group up to the root the smallest is the limit; no quota is no limit."""
    assert cpu_limit(*layout(tmp_path, membership, files)) == expected


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/a", {"a/memory.max": "1000", "a/memory.current": "400"}, MemoryLimit(1000, 600)),
        ("0::/a", {"a/memory.max": "1000", "a/memory.current": "1400"}, MemoryLimit(1000, 0)),
        (
            "0::/a/b",
            {"a/b/memory.max": "max", "a/b/memory.current": "4", "a/memory.max": "9", "a/memory.current": "4"},
            MemoryLimit(9, 5),
        ),
        (
            "3:memory:/a",
            {"memory/a/memory.limit_in_bytes": "800", "memory/a/memory.usage_in_bytes": "100"},
            MemoryLimit(800, 700),
        ),
        (
            "3:memory:/a",
            {"memory/a/memory.limit_in_bytes": str(2**63 - 4096), "memory/a/memory.usage_in_bytes": "1"},
            None,
        ),
        ("0::/a", {}, None),
    ],
)
def test_memory_left_is_what_the_tightest_limit_leaves(
    tmp_path: Path, membership: str, files: dict[str, str], expected: MemoryLimit | None
) -> None:
    """Limit minus use, never below 0, the least of all levels; no limit is None."""
    assert memory_limit(*layout(tmp_path, membership, files)) == expected


@pytest.mark.parametrize(
    ("membership", "names", "stat"),
    [
        ("0::/a", ("a/memory.max", "a/memory.current", "a/memory.stat"), "inactive_file 250\nactive_file 50\nanon 100"),
        (
            "3:memory:/a",
            ("memory/a/memory.limit_in_bytes", "memory/a/memory.usage_in_bytes", "memory/a/memory.stat"),
            "inactive_file 1\ntotal_inactive_file 250\ntotal_active_file 50",
        ),
    ],
)
def test_cached_pages_of_files_are_not_in_use(
    tmp_path: Path, membership: str, names: tuple[str, str, str], stat: str
) -> None:
    """A group that fills its limit with cached files still has the memory those take."""
    files = dict(zip(names, ("1000", "900", stat), strict=True))
    assert memory_limit(*layout(tmp_path, membership, files)) == MemoryLimit(1000, 400)


def test_a_process_without_membership_has_no_limits(tmp_path: Path) -> None:
    """Where the kernel shows no membership nothing is limited."""
    assert cpu_limit(tmp_path, tmp_path / "missing") is None
    assert memory_limit(tmp_path, tmp_path / "missing") is None
