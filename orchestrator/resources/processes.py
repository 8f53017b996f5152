"""What a tree of processes uses: CPU time and memory of some processes and of everything that descends from them."""

import os
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

PROC = "/proc"
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PARENT, _USER, _SYSTEM, _USER_REAPED, _SYSTEM_REAPED, _RESIDENT = 1, 11, 12, 13, 14, 21  # fields after the name


class Use(NamedTuple):
    """What a tree has used and holds."""

    cpu_seconds: float  # since they began, those that have ended and were waited for included: it only grows while the roots live
    memory_bytes: tuple[
        int, ...
    ]  # resident, of each tree below a root, the largest first; pages that processes share count each time


class _Process(NamedTuple):
    parent: int
    ticks: int
    pages: int


def use_of(roots: Collection[int]) -> Use:
    """What the trees below some processes use. Reads one small file for each process of the machine (some 10 µs each)."""
    processes = {pid: found for pid in _pids() if (found := _process(pid)) is not None}
    children: dict[int, list[int]] = {}
    for pid, process in processes.items():
        children.setdefault(process.parent, []).append(pid)
    known = {pid for pid in roots if pid in processes}
    below = [pid for root in known for pid in children.get(root, ()) if pid not in known]
    trees = [_tree(pid, children) for pid in below]
    ticks = sum(processes[pid].ticks for pid in known.union(*trees))
    pages = sorted((sum(processes[pid].pages for pid in tree) for tree in trees), reverse=True)
    return Use(ticks / _TICKS_PER_SECOND, tuple(count * _PAGE_BYTES for count in pages))


def _tree(pid: int, children: Mapping[int, Sequence[int]]) -> set[int]:
    """A process and all that descends from it."""
    found = {pid}
    open_ends = [pid]
    while open_ends:
        fresh = set(children.get(open_ends.pop(), ())) - found
        found |= fresh
        open_ends += fresh
    return found


def _pids() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdigit()]  # noqa: PTH208 paths are made a thousand times


def _process(pid: int) -> _Process | None:
    """Facts of /proc/<pid>/stat (proc(5)); None when it has just gone."""
    try:
        descriptor = os.open(f"{PROC}/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        text = os.read(descriptor, 2048)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    fields = text[text.rindex(b")") + 2 :].split(b" ", _RESIDENT + 1)
    ticks = sum(int(fields[place]) for place in (_USER, _SYSTEM, _USER_REAPED, _SYSTEM_REAPED))
    return _Process(int(fields[_PARENT]), ticks, int(fields[_RESIDENT]))
