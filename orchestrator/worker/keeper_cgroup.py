"""Control groups: where one is delegated to the keeper, the kernel itself holds the limit of memory of each evaluation.

The keeper moves into a group `keeper` below the delegated one, and every evaluation with a limit gets a group beside it. Its process is
moved there just after its birth; what it starts is born there. Looking from outside (`keeper_memory`) goes on all the same: what
cannot be done here is left to that, and nothing depends on it.
"""

from __future__ import annotations

import os
from typing import Dict, List, NamedTuple, Optional, Tuple

MOUNTS = "/proc/self/mountinfo"
MEMBERSHIP = "/proc/self/cgroup"
_LEAF = "keeper"
_PREFIX = "evaluation-"


class NotDelegated(Exception):
    """There is no control group that the keeper may divide; the text says why."""


class Told(NamedTuple):
    """What a group knows of the evaluation that was in it."""

    peak_bytes: Optional[int]
    was_killed: bool  # by the kernel, as it needed more than its limit


def own_group(mounts: str = MOUNTS, membership: str = MEMBERSHIP) -> str:
    """The folder of this process's group in the unified hierarchy. Raises NotDelegated."""
    path = next((line[3:] for line in _read(membership).splitlines() if line.startswith("0::/")), None)
    for line in _read(mounts).splitlines():
        fields, _, kind = line.partition(" - ")
        if path is not None and kind.startswith("cgroup2 "):
            root, point = fields.split()[3:5]
            if os.path.commonpath([root, path]) == root:
                return os.path.normpath(os.path.join(point, os.path.relpath(path, root)))
    raise NotDelegated("no unified hierarchy of control groups is mounted")


class Groups:
    """The delegated group, divided. Raises NotDelegated."""

    def __init__(self, group: str) -> None:
        inside = os.path.basename(group) == _LEAF
        self._folder = os.path.dirname(group) if inside else group
        if "memory" not in _read(os.path.join(self._folder, "cgroup.controllers")).split():
            raise NotDelegated(f"{self._folder} has no memory controller")
        if not os.access(self._folder, os.W_OK):
            raise NotDelegated(f"{self._folder} is not delegated to this user")
        if not inside and _processes(self._folder) != [os.getpid()]:
            raise NotDelegated(f"other processes are in {self._folder}")
        try:
            os.makedirs(os.path.join(self._folder, _LEAF), exist_ok=True)
            if not inside:
                _write(os.path.join(self._folder, _LEAF, "cgroup.procs"), str(os.getpid()))
            _write(os.path.join(self._folder, "cgroup.subtree_control"), "+memory")
        except OSError as error:
            raise NotDelegated(f"{self._folder} cannot be divided: {error.strerror}") from error
        self._open: Dict[str, str] = {}  # folders by token
        self._left = [entry.path for entry in os.scandir(self._folder) if entry.name.startswith(_PREFIX)]

    def take_in(self, token: str, pid: int, *, limit_bytes: int) -> None:
        """Bound a process that was just born, and what it starts."""
        folder = os.path.join(self._folder, _PREFIX + token)
        try:
            os.mkdir(folder)
            _write(os.path.join(folder, "memory.max"), str(limit_bytes))
            _write(os.path.join(folder, "memory.oom.group"), "1")
            _write(os.path.join(folder, "cgroup.procs"), str(pid))
        except OSError:  # it has ended already, or the kernel does not let us: it is looked at from outside
            self._left.append(folder)
            self._remove_left()
            return
        self._open[token] = folder
        try:
            _write(os.path.join(folder, "memory.swap.max"), "0")
        except OSError:  # a kernel that does not count swap
            return

    def give_up(self, token: str) -> Optional[Told]:
        """An evaluation has ended: what its group knows of it; None when it had none."""
        folder = self._open.pop(token, None)
        if folder is None:
            return None
        peak, events = _read(os.path.join(folder, "memory.peak")), _read(os.path.join(folder, "memory.events"))
        kills = [line.split()[1] for line in events.splitlines() if line.startswith("oom_kill ")]
        self._left.append(folder)
        self._remove_left()
        return Told(int(peak) if peak.strip().isdigit() else None, was_killed=kills not in ([], ["0"]))

    def _remove_left(self) -> None:
        """Remove what nobody needs; what cannot be removed, as its last process is not reaped yet, is tried again with the next one."""
        self._left = [folder for folder in self._left if not _removed(folder)]


def divided() -> Tuple[Optional[Groups], Optional[str]]:
    """The groups, or why there are none."""
    try:
        return Groups(own_group()), None
    except NotDelegated as reason:
        return None, str(reason)


def _removed(folder: str) -> bool:
    try:
        if _processes(folder):
            _write(os.path.join(folder, "cgroup.kill"), "1")
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _processes(folder: str) -> List[int]:
    return [int(pid) for pid in _read(os.path.join(folder, "cgroup.procs")).split()]


def _read(path: str) -> str:
    """The text of a file; empty when it cannot be read."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _write(path: str, text: str) -> None:
    """To a file that is there. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode("ascii"))
    finally:
        os.close(descriptor)
