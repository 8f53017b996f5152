"""A daemon or a keeper that is killed at one instant: `python -m tests.support.dying POINT ARGUMENTS`.

It is the real program, but for one function that ends the process with SIGKILL, before or after what it does.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from orchestrator.__main__ import daemon_main
from orchestrator.executors.isolated import IsolatedExecutor
from orchestrator.executors.keeper_client import Keepers
from orchestrator.store.changes.iterations import EndingRows, StartingRows
from orchestrator.worker import keeper
from orchestrator.worker.keeper_journal import Journal
from orchestrator.worker.keeper_ward import Ward

PASSED_DESCRIPTOR = 3


def die(*_: Any, **__: Any) -> Any:
    """kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


def after(function: Callable[..., Any], *, when: Callable[..., bool] = lambda *_: True) -> Callable[..., Any]:
    """The function, and then the end."""

    def call(*arguments: Any, **named: Any) -> Any:
        result = function(*arguments, **named)
        return die() if when(*arguments) else result

    return call


def after_awaited(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a coroutine function."""

    async def call(*arguments: Any, **named: Any) -> Any:
        await function(*arguments, **named)
        die()

    return call


def after_syncing(journal: Journal, *_: Any) -> None:
    """What was written before is on the disk, and then the end."""
    journal.sync()
    die()


def has_ended(journal: Journal) -> bool:
    """Whether an end has been written."""
    return bool(journal.ends)


POINTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "daemon before it commits the start": (StartingRows, "apply", die),
    "daemon after the commit, before it sends": (Keepers, "start", die),
    "daemon after it has sent": (Keepers, "start", after_awaited(Keepers.start)),
    "daemon before it commits the end": (EndingRows, "apply", die),
    "daemon after that commit, before it acknowledges": (IsolatedExecutor, "recorded", die),
    "keeper before it writes down what was sent": (Journal, "plan", die),
    "keeper after that, before it writes down the beginning": (Journal, "begin", after_syncing),
    "keeper before the birth": (os, "posix_spawn", die),
    "keeper after the birth": (os, "posix_spawn", after(os.posix_spawn)),
    "keeper before it writes down the end": (Journal, "end", die),
    "keeper after that, before it tells": (Journal, "sync", after(Journal.sync, when=has_ended)),
    "keeper before it forgets": (Ward, "acknowledge", die),
}


def main(point: str, arguments: list[str]) -> int:
    """Run the program that is killed there."""
    owner, name, replacement = POINTS[point]
    setattr(owner, name, replacement)
    if point.startswith("daemon"):
        return daemon_main(arguments)
    os.dup2(int(arguments[0]), PASSED_DESCRIPTOR)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
    return keeper.main([])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
