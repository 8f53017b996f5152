"""The named locks of this daemon: taken for evaluations, waited for while others hold them, given back.

Taking is tried; what somebody else holds is waited for by a small process that blocks in the kernel and wakes the dispatcher. Which
evaluation gets what is free is admission's decision. A lock nobody here needs is neither waited for nor kept.
"""

import os
import subprocess
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import structlog

from orchestrator import locks
from orchestrator.domain.evaluation import Job
from orchestrator.engine.lock_books import LockView

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 1.0
"""When it cannot be waited for a lock (no process can be started), it is tried again after this long."""

Start = Callable[..., object]
"""Starts a task: a function and its arguments."""


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock that is held for an evaluation."""

    name: str
    taken: locks.Taken


def command_of(job: Job) -> Sequence[str]:
    """What people are told an evaluation of this job is."""
    if job.command is None:
        return [job.call or ""]
    return ["sh", "-c", job.command] if isinstance(job.command, str) else job.command


class NamedLocks:
    """One for the daemon. `changed` is called when a lock that was waited for is there."""

    def __init__(self, folder: Path, *, changed: Callable[[], None]) -> None:
        self._folder = folder
        self._changed = changed
        self._holders: dict[str, str] = {}  # by name: the evaluation here that holds it
        self._elsewhere: set[str] = set()  # others hold these, or are to have them first
        self._waits: dict[str, anyio.CancelScope] = {}
        self._arrived: dict[str, int] = {}  # by name: a descriptor that holds it, for whoever is admitted next

    @property
    def view(self) -> LockView:
        """What nobody can have now, as far as is known."""
        return LockView(here=frozenset(self._holders), elsewhere=frozenset(self._elsewhere))

    def take(self, names: Collection[str], *, ref: str, job: Job) -> tuple[HeldLock, ...] | None:
        """All of these for an evaluation, or none: when somebody else holds one, which is in the view from then on.

        Raises OSError when a lock file cannot be opened.
        """
        held: list[HeldLock] = []
        try:
            for name in sorted(names):
                taken = self._take(name, ref=ref, command=command_of(job))
                if taken is None:
                    self._elsewhere.add(name)
                    break
                held.append(HeldLock(name, taken))
            else:
                self._holders.update(dict.fromkeys(names, ref))
                return tuple(held)
        except OSError:
            _give_back(held)
            raise
        _give_back(held)
        return None

    def _take(self, name: str, *, ref: str, command: Sequence[str]) -> locks.Taken | None:
        mode = locks.make_folder(self._folder)
        path = locks.file_of(self._folder, name)
        taken = None
        arrived = self._arrived.pop(name, None)
        if arrived is not None:
            taken = locks.taken_over(arrived, path, command=command, ref=ref)
            if taken is None:
                os.close(arrived)
        taken = taken or locks.try_take(path, command=command, ref=ref, mode=mode)
        if taken is not None and taken.stale is not None:
            log.warning("stale_lock_taken_over", lock=name, path=str(path), left_by=str(taken.stale))
        return taken

    @contextmanager
    def lent(self, held: Sequence[HeldLock]) -> Iterator[None]:
        """Give them back after the block. When it is left by an exception they are up to whoever else has copies."""
        try:
            yield
        except BaseException:
            for lock in held:
                self._holders.pop(lock.name, None)
                lock.taken.leave()
            raise
        for lock in held:
            self._holders.pop(lock.name, None)
            if locks.is_wanted(lock.taken.descriptor):  # it is their turn: we would be faster every time
                self._elsewhere.add(lock.name)
        _give_back(held)

    def settle(self, needed: Collection[str], start: Start) -> None:
        """After a decision: wait for what is needed and held elsewhere, and for nothing else; keep nothing nobody took."""
        for name in list(self._arrived):
            os.close(self._arrived.pop(name))
        for name in self._waits.keys() - set(needed):
            self._waits.pop(name).cancel()
        self._elsewhere.intersection_update(needed)
        for name in self._elsewhere - self._waits.keys():
            self._waits[name] = scope = anyio.CancelScope()
            start(self._wait, name, scope)

    async def _wait(self, name: str, scope: anyio.CancelScope) -> None:
        """Until the lock is there, or nobody needs it any more."""
        with scope:
            descriptor = await self._got(name)
            if descriptor is None:
                await anyio.sleep(AGAIN_SECONDS)
            if self._waits.get(name) is scope:
                del self._waits[name]
                self._arrive(name, descriptor)
            elif descriptor is not None:
                os.close(descriptor)

    def _arrive(self, name: str, descriptor: int | None) -> None:
        self._elsewhere.discard(name)
        if descriptor is not None:
            self._arrived[name] = descriptor
        self._changed()

    async def _got(self, name: str) -> int | None:
        """A descriptor that holds the lock; None when it could not be waited for."""
        try:
            descriptor = locks.open_file(locks.file_of(self._folder, name), mode=locks.make_folder(self._folder))
        except OSError as error:
            log.warning("lock_not_waited_for", lock=name, error=str(error))
            return None
        got = False
        try:
            got = await _blocked_until_free(descriptor)
        except OSError as error:
            log.warning("lock_not_waited_for", lock=name, error=str(error))
        finally:
            if not got:
                os.close(descriptor)
        return descriptor if got else None

    def holder(self, name: str) -> str | None:
        """The evaluation of this daemon that holds a lock."""
        return self._holders.get(name)

    def foreign_holder(self, name: str) -> locks.Holder | None:
        """Who else holds it, as far as its file says."""
        seen = locks.look(locks.file_of(self._folder, name))
        return None if seen is None or seen.state is not locks.LockState.HELD else seen.holder

    def close(self) -> None:
        """Keep nothing."""
        self.settle((), lambda *_: None)


async def _blocked_until_free(descriptor: int) -> bool:
    """Whether the lock was got. When cancelled, the process that waits is gone before this returns. Raises OSError."""
    with anyio.CancelScope(shield=True):  # cancelled in the middle, it would leave a process to nobody
        process = await anyio.open_process(
            locks.waiting_command(descriptor),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[descriptor],
            env={},
        )
    try:
        return await process.wait() == 0
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.aclose()


def _give_back(held: Sequence[HeldLock]) -> None:
    for lock in held:
        lock.taken.give_back()
