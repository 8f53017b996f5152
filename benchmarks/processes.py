"""What the kernel knows of a process and its descendants. Linux only, like the daemon."""

import os
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """The memory of one process that is in RAM now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and all its living descendants."""
    used = sum(int(ticks) for ticks in stat_fields(pid)[11:13]) / TICKS_PER_SECOND
    return used + sum(cpu_seconds(child) for child in children(pid))


def children(pid: int) -> list[int]:
    """The processes it started that still live."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (state) on; the name before them may hold blanks and brackets."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
