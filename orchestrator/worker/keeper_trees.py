"""Whose a process is, and how all processes of an evaluation are ended, so that none of them goes on with its next step.

A shell goes on with its next line when what it waits for has ended. So whoever is told anything is told before its children, and what is
to be killed is stopped first, all of it: nobody who could go on is awake when the first one dies.
"""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Collection, Container, Dict, Iterable, List, NamedTuple

from orchestrator.worker.keeper_system import handle_of_living, mark_of, send_signal, start_ticks

_PASSES = 20


class Process(NamedTuple):
    """A process by what no other has in one boot."""

    pid: int
    start_ticks: int


def members(marks: Container[int], *, also: Iterable[Process] = ()) -> List[int]:
    """Every process that carries one of the marks, these others, and the descendants of both; parents before their children.

    Descendants may have given themselves another mark.
    """
    found = {pid for pid in _all_processes() if mark_of(pid) in marks}
    found.update(process.pid for process in also if start_ticks(process.pid) == process.start_ticks)
    children: Dict[int, List[int]] = {}
    unseen = list(found)
    while unseen:
        pid = unseen.pop()
        children[pid] = children_of(pid)
        unseen += [child for child in children[pid] if child not in found]
        found.update(children[pid])
    return _parents_first(children)


def _parents_first(children: Dict[int, List[int]]) -> List[int]:
    with_a_parent = {child for each in children.values() for child in each}
    ordered: Dict[int, None] = {}
    queue = [pid for pid in children if pid not in with_a_parent]
    for pid in queue:
        ordered[pid] = None
        queue.extend(child for child in children[pid] if child not in ordered)
    return list(ordered)


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


def signal_members(marks: Container[int], number: int, *, also: Collection[Process] = ()) -> List[int]:
    """Signal all `members`, looking again until none is left that has not been told; who was told, in that order."""
    told: Dict[int, None] = {}
    for _ in range(_PASSES):
        fresh = [pid for pid in members(marks, also=also) if pid not in told]
        if not fresh:
            break
        for pid in fresh:
            send_signal(pid, number)
            told[pid] = None
    return list(told)


def kill_members(marks: Container[int]) -> None:
    """Kill every process with one of the marks and its descendants. None of them sees another one's end."""
    for pid in signal_members(marks, signal.SIGSTOP):
        send_signal(pid, signal.SIGKILL)


def kill_and_wait(marks: Container[int], *, seconds: float, also: Collection[Process] = ()) -> List[int]:
    """Kill all `members` and wait for their ends; the pids that are alive after that time.

    For whoever survives the keeper: the processes need not be children of the caller.
    """
    deadline = time.monotonic() + seconds
    while True:
        alive = _handles_of_living(signal_members(marks, signal.SIGSTOP, also=also))
        for pid in alive:
            send_signal(pid, signal.SIGKILL)
        if alive and time.monotonic() < deadline:
            _wait_for(alive, deadline)
            _close(alive)
        else:
            _close(alive)
            return list(alive)


def _handles_of_living(pids: Iterable[int]) -> Dict[int, int]:
    handles = ((pid, handle_of_living(pid)) for pid in pids)
    return {pid: handle for pid, handle in handles if handle is not None}


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
