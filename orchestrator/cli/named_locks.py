"""Named locks as the command line finds them: the folder, a name, taking one with patience."""

import fcntl
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from orchestrator import locks, places
from orchestrator.cli.setup import Setup
from orchestrator.cli.text import printable
from orchestrator.errors import InvalidRequest, LockHeld, OrchestratorError

Patience = float | None
"""Seconds to wait for a lock; None: for ever."""


def folder_of(setup: Setup) -> Path:
    """Where the named locks are that the daemon meant by the options uses too."""
    return places.lock_directory(setup.session.door.state_directory, os.environ)


def complete_lock(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Names that were used before."""
    try:
        names = [name for name, _ in locks.survey(folder_of(context.ensure_object(Setup)))]
    except (OrchestratorError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete)]


@contextmanager
def _limited(seconds: Patience) -> Iterator[None]:
    """Raise TimeoutError in the block when it takes longer."""

    def time_is_up(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, time_is_up)
    signal.setitimer(signal.ITIMER_REAL, seconds or 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def hold(setup: Setup, name: str, *, command: Sequence[str], patience: Patience) -> locks.Taken:
    """Take the lock of this name; the person is told once when it has to be waited for.

    Raises InvalidRequest for what is no name and LockHeld when patience is used up.
    """
    problem = locks.problem_of_name(name)
    if problem:
        raise InvalidRequest(f"{name!r} {problem}")
    path = locks.file_of(folder_of(setup), name)
    try:
        taken = locks.seize(path, command=command, mode=locks.make_folder(path.parent))
    except OSError as error:
        hint = "$ORCHESTRATOR_LOCK_DIR names another folder, for all who share locks"
        raise OrchestratorError(f"the lock file {path} cannot be used: {error.strerror}", hint=hint) from error
    except LockHeld:
        if patience == 0:
            raise _refused(path, name, hint="without --no-wait it is waited for; orc locks shows all") from None
        setup.message(f"waiting for {name}, held by {_holder(path)}")
        taken = _wait(path, name, command=command, patience=patience)
    if taken.stale is not None:
        setup.message(f"{name} was left behind by {printable(str(taken.stale))}; taken over")
    return taken


def _wait(path: Path, name: str, *, command: Sequence[str], patience: Patience) -> locks.Taken:
    try:
        with _limited(patience):
            while True:
                taken = _next(path, command)
                if taken is not None:
                    return taken
    except TimeoutError:
        raise _refused(path, name, hint=f"{patience:g} s were not enough; orc locks shows all locks") from None


def _next(path: Path, command: Sequence[str]) -> locks.Taken | None:
    """The lock as soon as the kernel gives it; None when the file was replaced meanwhile."""
    descriptor = locks.open_file(path)
    taken = None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        taken = locks.taken_over(descriptor, path, command=command)
    finally:
        if taken is None:
            os.close(descriptor)
    return taken


def _holder(path: Path) -> str:
    return printable(str(locks.last_holder(path) or "a process that has not yet written who it is"))


def _refused(path: Path, name: str, *, hint: str) -> LockHeld:
    return LockHeld(f"the lock {name} is held by {_holder(path)}", hint=hint)
