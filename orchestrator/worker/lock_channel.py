"""How a slot gets the locks of what it runs: descriptors that arrive over a socket of its lane, held as long as the batch executes.

So they come back when the process dies, however it dies, also when the daemon has died before it.
"""

from __future__ import annotations

import os
import socket
from typing import Any, Dict, List

from orchestrator.worker.batch import run_batch
from orchestrator.worker.keeper_system import start_ticks
from orchestrator.worker.lock_files import sign

MOST = 64
"""Descriptors that can travel together."""

_CHANNELS: Dict[int, socket.socket] = {}


def lay(number: int, descriptor: int) -> None:
    """The lane of that number gets its locks over the socket with this descriptor."""
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - as the standard library has it
    _CHANNELS[number] = socket.socket(fileno=descriptor)


def send(channel: socket.socket, descriptors: List[int]) -> None:
    """The daemon's side: pass copies for the batch that is sent next."""
    socket.send_fds(channel, [b"\0"], descriptors)


def run_holding(batch: Dict[str, Any]) -> List[Dict[str, Any]]:
    """`run_batch`, holding the locks that were sent for it. Raises OSError when they did not arrive."""
    descriptors = _receive(batch["lane"])
    pid = os.getpid()
    try:
        for descriptor in descriptors:
            sign(descriptor, pid=pid, start_ticks=start_ticks(pid))
        return run_batch(batch)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _receive(lane: int) -> List[int]:
    _, descriptors, _, _ = socket.recv_fds(_CHANNELS[lane], 1, MOST, socket.MSG_CMSG_CLOEXEC)
    return list(descriptors)
