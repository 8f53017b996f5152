"""The folder of a keeper: who has it is the keeper, and whoever has it next sees to what the last one left.

- The folder itself is locked (`flock`) as long as a keeper lives in it.
- `keeper.sock`: where a daemon finds it. `journal`: what outlives it. `berths/<instance>`: the files of what runs.
- `keeper.err`: what a keeper has said that a daemon started and that died of a defect.
- `scratch/<token>`: what evaluations left in their scratch folders, until the daemon has dealt with it.

A keeper that leaves with nothing in its care leaves none of these.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import time
from typing import Dict, Iterator, List

from orchestrator.worker import keeper_system as system
from orchestrator.worker.keeper_files import remove_tree
from orchestrator.worker.keeper_journal import Past, read_past
from orchestrator.worker.keeper_protocol import Message
from orchestrator.worker.keeper_runs import lost_message, salvage
from orchestrator.worker.keeper_trees import Process, kill_and_wait

SOCKET, JOURNAL, BERTHS, SCRATCH = "keeper.sock", "journal", "berths", "scratch"
ERRORS = "keeper.err"
SWEEP_SECONDS = 5.0
_BACKLOG = 16
_LOCK_TRIES = 200
_LOCK_PAUSE_SECONDS = 0.02


class Home:
    """The folder, locked; given back by `leave`. Raises OSError when another keeper lives in it."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        os.makedirs(folder, 0o700, exist_ok=True)
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _lock(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            raise

    def path(self, *names: str) -> str:
        """Something in it."""
        return os.path.join(self.folder, *names)

    def take_over(self) -> Dict[str, Message]:
        """Kill what the last keeper left running; the ends it had in its care, and those of what was lost with it."""
        past = read_past(self.path(JOURNAL))
        same_boot = past.keeper is not None and past.keeper["boot_id"] == system.boot_id()
        if same_boot:
            kill_what_is_left(past)
        for begun in past.begun.values():
            salvage(begun)
            past.ended[begun["begun"]] = lost_message(begun, with_what="keeper" if same_boot else "machine")
        remove_tree(self.path(BERTHS))
        kept = {message["scratch"] for message in past.ended.values()}
        for path in _paths_in(self.path(SCRATCH)):
            if path not in kept:
                remove_tree(path)
        os.makedirs(self.path(SCRATCH), 0o700, exist_ok=True)
        return past.ended

    def listen(self) -> socket.socket:
        """The door. Its path may be longer than the name of a socket may be."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(SOCKET))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"/proc/self/fd/{self._descriptor}/{SOCKET}")
        os.chmod(self.path(SOCKET), 0o600)
        listener.listen(_BACKLOG)
        return listener

    def close_door(self) -> None:
        """Nobody finds it any more."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(SOCKET))

    def leave(self, *, empty: bool) -> None:
        """Give it back; `empty`: nothing in it is needed any more."""
        remove_tree(self.path(BERTHS))
        remove_if_empty(self.path(ERRORS))
        if empty:
            remove_tree(self.path(SCRATCH))
        self.unlock()

    def unlock(self) -> None:
        """Let another keeper have it, as it is."""
        os.close(self._descriptor)


def _lock(descriptor: int) -> None:
    """Another keeper that is leaving has it for some milliseconds more, one that takes over what was left for some seconds."""
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_SECONDS)
        else:
            return
    raise OSError(errno.EBUSY, "another keeper works in this folder")


def kill_what_is_left(past: Past) -> List[int]:
    """Kill every process that a dead keeper had started, on the same boot; the pids that are alive after some seconds.

    By their marks and, for one that has taken off its mark, by who the main processes were.
    """
    assert past.keeper is not None
    main = [Process(begun["pid"], begun["start_ticks"]) for begun in past.begun.values() if begun.get("pid")]
    return kill_and_wait(system.marks_of(past.keeper["instance"]), seconds=SWEEP_SECONDS, also=main)


def working(folder: str) -> int:
    """How many evaluations are under way in a folder, as far as its journal knows. Raises OSError when it may not be read."""
    past = read_past(os.path.join(folder, JOURNAL))
    return len(past.begun) if past.keeper is not None and past.keeper["boot_id"] == system.boot_id() else 0


def end_work(folder: str, *, seconds: float) -> None:
    """Have everything in a folder ended, when there is no daemon to ask for it. What had ended before is not forgotten. Raises OSError."""
    past = read_past(os.path.join(folder, JOURNAL))
    if past.keeper is None or past.keeper["boot_id"] != system.boot_id():
        return
    if system.start_ticks(past.keeper["pid"]) == past.keeper["start_ticks"]:
        system.terminate(past.keeper["pid"], seconds=seconds)
    else:
        kill_what_is_left(past)


def _paths_in(folder: str) -> Iterator[str]:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        yield os.path.join(folder, name)


def remove_if_empty(path: str) -> None:
    """Remove a file in which nothing stands."""
    with contextlib.suppress(FileNotFoundError):
        if os.stat(path).st_size == 0:
            os.unlink(path)
