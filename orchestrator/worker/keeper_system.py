"""What the keeper asks of Linux: who its children are, whose they are, and how to end all of them.

**Marks.** Every evaluation has a number of its own that all its processes carry and that none of them loses by accident: the
soft limit RLIMIT_RTTIME, which every descendant inherits, whatever it does with its session, its environment, its descriptors
or its parents. The keeper takes the mark on itself while it starts a child, so there is no instant at which a process of an
evaluation exists without it. The limit is in microseconds of uninterrupted real-time scheduling; marks are above 2**62
(146,000 years), so it never limits anything. Reading the mark of another process is one system call.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import socket
import struct
import time
from typing import Container, Dict, List, Optional, Set

NO_MARK = 0
INSTANCES = 1 << 24
_FIRST_MARK = 1 << 62
_MARKS_PER_INSTANCE = 1 << 36
_PASSES = 20
_PR_SET_CHILD_SUBREAPER = 36


class CannotMark(Exception):
    """A hard limit on RLIMIT_RTTIME leaves no room for marks; remove LimitRTTIME= or `ulimit -R` of the keeper's parent."""


def marks_of(instance: int) -> range:
    """All marks the keeper with this instance number may give."""
    first = _FIRST_MARK + (instance % INSTANCES) * _MARKS_PER_INSTANCE
    return range(first, first + _MARKS_PER_INSTANCE)


class OwnMark:
    """The keeper's own limit: set for the instant in which a child is born, put back after it."""

    def __init__(self) -> None:
        self._own = resource.getrlimit(resource.RLIMIT_RTTIME)
        if self._own[1] != resource.RLIM_INFINITY:
            raise CannotMark(CannotMark.__doc__)

    def take(self, mark: int) -> None:
        """What is born from here on carries the mark."""
        resource.setrlimit(resource.RLIMIT_RTTIME, (mark, self._own[1]))

    def put_back(self) -> None:
        """What is born from here on carries what the keeper was born with."""
        resource.setrlimit(resource.RLIMIT_RTTIME, self._own)


def mark_of(pid: int) -> int:
    """The mark a process carries (zombies too); NO_MARK when it is gone.

    Always a number: a range is asked for anything else by going through it, and that of a keeper has 2**36 members.
    """
    try:
        return resource.prlimit(pid, resource.RLIMIT_RTTIME)[0]
    except PermissionError:  # it runs a program with other rights than ours; the file may be read all the same
        return _mark_from_file(pid)
    except ProcessLookupError:
        return NO_MARK


def _mark_from_file(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/limits", "rb") as file:
            for line in file:
                if line.startswith(b"Max realtime timeout"):
                    soft = line.split()[3]
                    return int(soft) if soft.isdigit() else NO_MARK
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return NO_MARK
    return NO_MARK


def members(marks: Container[int]) -> Set[int]:
    """Every process that carries one of the marks, and the descendants of those that gave themselves another limit."""
    found = {pid for pid in _all_processes() if mark_of(pid) in marks}
    unseen = list(found)
    while unseen:
        for child in children_of(unseen.pop()):
            if child not in found:
                found.add(child)
                unseen.append(child)
    return found


def _all_processes() -> List[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def children_of(pid: int) -> List[int]:
    """The direct children of a process, zombies too; empty when it is gone."""
    children: List[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                children.extend(map(int, file.read().split()))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass  # it ended while we looked; what it left is found with its new parent
    return children


class OwnChildren:
    """The direct children of this process, which has one thread: the file is opened once and read again and again."""

    def __init__(self) -> None:
        self._file = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> List[int]:
        """Their pids, zombies too."""
        text = b""
        while True:
            more = os.pread(self._file, 1 << 16, len(text))
            if not more:
                return [int(pid) for pid in text.split()]
            text += more


def send_signal(pid: int, number: int) -> bool:
    """Whether the signal could be sent; a process that is gone or that belongs to somebody else is none of ours."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def signal_members(marks: Container[int], number: int) -> None:
    """Signal every process with one of the marks, looking again until none is left that has not been told."""
    told: Set[int] = set()
    for _ in range(_PASSES):
        fresh = members(marks) - told
        if not fresh:
            return
        for pid in fresh:
            send_signal(pid, number)
        told |= fresh


def kill_and_wait(marks: Container[int], *, seconds: float) -> List[int]:
    """Kill every process with one of the marks and wait for their ends; the pids that are alive after that time.

    For whoever survives the keeper: the processes need not be children of the caller.
    """
    deadline = time.monotonic() + seconds
    while True:
        alive: Dict[int, int] = {}
        for pid in members(marks):
            handle = _handle_of_living(pid)
            if handle is not None:
                alive[pid] = handle
        if not alive or time.monotonic() > deadline:
            _close(alive)
            return list(alive)
        for pid in alive:
            send_signal(pid, signal.SIGKILL)
        _wait_for(alive, deadline)
        _close(alive)


def terminate(pid: int, *, seconds: float) -> None:
    """Ask a process, which need not be a child, to leave; kill it when it has not left in time."""
    handle = _handle_of_living(pid)
    if handle is None:
        return
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, number)
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            if poll.poll(seconds * 1000):
                return
    finally:
        os.close(handle)


def _handle_of_living(pid: int) -> Optional[int]:
    """A pidfd of a process that has not ended; zombies have."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    if poll.poll(0):
        os.close(handle)
        return None
    return handle


def _wait_for(alive: Dict[int, int], deadline: float) -> None:
    waiting = set(alive.values())
    poll = select.poll()
    for handle in waiting:
        poll.register(handle, select.POLLIN)
    while waiting and time.monotonic() < deadline:
        for handle, _ in poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            poll.unregister(handle)
            waiting.discard(handle)


def _close(handles: Dict[int, int]) -> None:
    for handle in handles.values():
        os.close(handle)


def start_ticks(pid: int) -> Optional[int]:
    """When the process started, in clock ticks since boot (field 22 of its stat); None when it is gone."""
    try:
        file = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return int(os.read(file, 4096).rpartition(b")")[2].split()[19])
    except ProcessLookupError:
        return None
    finally:
        os.close(file)


def boot_id() -> str:
    """Names this boot of the machine: a pid and its start ticks mean nothing in another one."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def user_of(connection: socket.socket) -> int:
    """The user whose process is at the other end."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def become_subreaper() -> None:
    """From here on, descendants whose parents have ended become children of this process. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
