"""What the keeper asks of Linux: who its children are, and whose they are. How all of them are ended is in `keeper_trees`.

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
from typing import List, Optional

NO_MARK = 0
INSTANCES = 1 << 24
_FIRST_MARK = 1 << 62
_MARKS_PER_INSTANCE = 1 << 36
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


def terminate(pid: int, *, seconds: float) -> None:
    """Ask a process, which need not be a child, to leave; kill it when it has not left in time."""
    handle = handle_of_living(pid)
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


def handle_of_living(pid: int) -> Optional[int]:
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
