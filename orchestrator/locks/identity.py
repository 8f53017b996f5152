"""What names a process for good: its pid alone is given to another process soon."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_START_TICKS_FIELD = 22
_FIRST_FIELD_AFTER_NAME = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """One process of one boot. Unlike a start time, clock changes do not move it."""

    pid: int
    start_ticks: int  # clock ticks since boot, /proc/<pid>/stat field 22
    boot_id: str


@cache
def boot_id() -> str:
    """The kernel's name for this boot; empty where the kernel does not say."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def identity_of(pid: int) -> ProcessIdentity | None:
    """The identity of a process that exists, a zombie included; None when it does not or may not be seen."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold blanks and parentheses
    ticks = int(fields[_START_TICKS_FIELD - _FIRST_FIELD_AFTER_NAME])
    return ProcessIdentity(pid=pid, start_ticks=ticks, boot_id=boot_id())
