"""One child process that runs batches, and what the daemon holds of it."""

import contextlib
import multiprocessing
import os
import resource
import secrets
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from operator import methodcaller
from typing import Any, NamedTuple

import anyio

from orchestrator.domain.evaluation import Job
from orchestrator.errors import ExecutorUnusable
from orchestrator.executors import nursery, spool
from orchestrator.executors.bell import Bell
from orchestrator.executors.host_pool import HostPool
from orchestrator.executors.semaphores import unlink_semaphores
from orchestrator.worker import journal
from orchestrator.worker.host import serve
from orchestrator.worker.keeper_system import CannotMark, start_ticks
from orchestrator.worker.keeper_trees import kill_and_wait
from orchestrator.worker.slot import Cords, enter_slot

_FIRST_MARK = 1 << 61  # below the marks of keepers, far above any limit somebody wants
_MARK_BITS = 60
_SWEEP_SECONDS = 5.0
_SILENCE_SECONDS = 5.0  # of what slots are forked from, when one has died: somebody has stopped it
_UNHEARD = 255  # what the standard library says of a process when what it was forked from has died and cannot tell,
_CLOSING_SECONDS = 0.5  # which has closed its files this long before it has ended


class Key(NamedTuple):
    """What a process is set up for once and for all. Only batches that agree in it share a process."""

    experiment: int
    environment: tuple[tuple[str, str], ...]
    workdir: str


def key_of(job: Job) -> Key:
    """The processes a job may use."""
    return Key(job.experiment, job.environment, job.workdir)


class Lane(NamedTuple):
    """What one batch at a time uses of a slot."""

    number: int
    journal: int  # descriptor
    bell: Bell
    spool: str  # path without ending
    locks: socket.socket  # the daemon's end of where it gets the locks of what it runs

    def close(self) -> None:
        """Give back its descriptors."""
        os.close(self.journal)
        self.bell.close()
        self.locks.close()


@dataclass(eq=False, slots=True, kw_only=True)
class Slot:
    """A process. Made in a thread by one of the functions below; from then on it belongs to the event loop."""

    pool: Executor
    process: BaseProcess
    mark: int  # carried by the process and all its descendants
    spool: str
    lanes: tuple[Lane, ...]
    together: bool = False  # whether batches in different lanes execute at one instant, and not in turn
    pid: int
    start_ticks: int
    pidfd: int
    nurse: frozenset[int] = frozenset()  # what it was forked from
    key: Key | None = None
    free: list[Lane] = field(default_factory=list)
    waiting: set[anyio.Event] = field(default_factory=set)  # of batches that wait for answers; set when none will come
    retired: bool = False
    resting_bytes: int | None = None  # what it held after its first batch with a limit of memory
    killed: bool = False
    mute: bool = False  # it lived on without the pipes through which it answers, until it was killed for that
    died: anyio.Event = field(default_factory=anyio.Event)
    buried: bool = False
    _reaping: threading.Lock = field(default_factory=threading.Lock)

    @property
    def idle(self) -> bool:
        """Whether no batch uses it."""
        return len(self.free) == len(self.lanes)

    @property
    def runs(self) -> bool:
        """Whether the process itself has not ended yet."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return not poll.poll(0)

    def kill(self) -> None:
        """End the process now. What it has started is ended by whoever waits for `died` to be set."""
        self.killed = True
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def kill_if_alive(self) -> None:
        """End a process that no longer answers."""
        if not self.died.is_set():
            self.kill()

    def silence(self) -> None:
        """Hear nothing more of it; on the event loop, before it is released."""
        for lane in self.lanes:
            lane.bell.detach()

    def sweep(self) -> None:
        """Kill what a dead slot has left behind, and what it was forked from if that does not say how it has ended. Blocks.

        Whoever waited for that would wait for ever; the slots that come from it are lost, and the next is born of another one.
        """
        kill_and_wait((self.mark,), seconds=_SWEEP_SECONDS)
        if not wait([self.process.sentinel], _SILENCE_SECONDS):
            nursery.end(self.nurse)

    def reap(self) -> int | None:
        """Ask the process to end and wait until it has: its exit status, minus the signal's number; None when nobody knows it. Blocks."""
        with self._reaping:  # a second caller finds the pool shut down, but must not be faster than the first
            self.pool.shutdown(wait=True)
            status = self.process.exitcode
            unheard = status == _UNHEARD and not nursery.runs(self.nurse, wait_seconds=_CLOSING_SECONDS)
            return None if unheard else status

    def release(self) -> None:
        """Give back descriptors and files. Blocks."""
        self.process.close()
        os.close(self.pidfd)
        for lane in self.lanes:
            lane.close()
            spool.remove(lane.spool)
        spool.remove(self.spool)


class _Inherited:
    """A descriptor that a process being spawned gets under the number it arrives as."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> tuple[Callable[[Any], int], tuple[Any]]:
        return methodcaller("detach"), (DupFd(self._descriptor),)


def new_mark() -> int:
    """A number no other process tree carries. Raises ExecutorUnusable where processes cannot be marked."""
    if resource.getrlimit(resource.RLIMIT_RTTIME)[1] != resource.RLIM_INFINITY:
        raise ExecutorUnusable((CannotMark.__doc__ or "").strip())
    return _FIRST_MARK + secrets.randbits(_MARK_BITS)


@contextlib.contextmanager
def _laid_lanes(spools: Sequence[str]) -> Iterator[tuple[tuple[Lane, ...], tuple[socket.socket, ...]]]:
    """New lanes, and the child's ends of their sockets until it has started; nothing of them is left when it does not."""
    pairs = [socket.socketpair() for _ in spools]
    lanes = tuple(
        Lane(number, journal.create("journal"), Bell(), path, pairs[number][0]) for number, path in enumerate(spools)
    )
    try:
        yield lanes, tuple(theirs for _, theirs in pairs)
    except BaseException:
        for lane in lanes:
            lane.close()
        raise
    finally:
        for _, theirs in pairs:
            theirs.close()


def _inherited(lane: Lane, locks: socket.socket) -> Cords:
    """The cords of a lane, which become numbers when they arrive in the child."""
    given: Any = [_Inherited(descriptor) for descriptor in (lane.journal, lane.bell.descriptor, locks.fileno())]
    return Cords(*given)


def start_process_slot(path: str) -> Slot:
    """A fresh process that runs one batch at a time, and has room for the next one. Blocks until it is there. Raises ExecutorUnusable."""
    mark = new_mark()
    with _laid_lanes([path, path]) as (lanes, ends):
        given = [_inherited(lane, end) for lane, end in zip(lanes, ends, strict=True)]
        arguments: Any = (mark, path, given)
        initializer: Any = enter_slot
        with nursery.conception():
            pool = ProcessPoolExecutor(1, mp_context=nursery.CONTEXT, initializer=initializer, initargs=arguments)
        try:
            with nursery.birth():
                answer = pool.submit(os.getpid)
                nurse = nursery.nurses()
            process = _child(answer.result())
            unlink_semaphores(pool)
            slot = _slot(pool, process, mark=mark, path=path, lanes=lanes)
            slot.nurse = nurse
            return slot
        except (BrokenExecutor, OSError, EOFError) as error:  # EOFError: what it is forked from has died just now
            pool.shutdown()
            raise ExecutorUnusable(f"no worker process could be started: {error}") from error


def _child(pid: int) -> BaseProcess:
    """Raises ProcessLookupError when it has ended, or what it was forked from has, so that nobody would hear of its end."""
    for child in multiprocessing.active_children():
        if child.pid == pid:
            return child
    raise ProcessLookupError("it has ended at once")


def start_thread_host(path: str, threads: int) -> Slot:
    """A fresh process that runs up to `threads` batches at a time. Blocks until it is there. Raises ExecutorUnusable."""
    mark = new_mark()
    with _laid_lanes([f"{path}.{number}" for number in range(threads)]) as (lanes, ends):
        given = [_inherited(lane, end) for lane, end in zip(lanes, ends, strict=True)]
        ours, theirs = nursery.CONTEXT.Pipe()
        lifeline, held = nursery.CONTEXT.Pipe(duplex=False)
        process = nursery.CONTEXT.Process(target=serve, args=(mark, theirs, given, path, held), name="thread-host")
        try:
            with theirs, held, nursery.birth():
                process.start()
                nurse = nursery.nurses()
        except (OSError, EOFError) as error:
            ours.close()
            lifeline.close()
            raise ExecutorUnusable(f"no thread host could be started: {error}") from error
        pool = HostPool(process, ours, lifeline)
        try:
            pool.submit(os.getpid).result()
            host = _slot(pool, process, mark=mark, path=path, lanes=lanes)
        except (BrokenExecutor, OSError) as error:
            pool.shutdown()
            process.close()
            raise ExecutorUnusable(f"no thread host could be started: {error}") from error
    host.nurse, host.together = nurse, True
    return host


def _slot(pool: Executor, process: BaseProcess, *, mark: int, path: str, lanes: tuple[Lane, ...]) -> Slot:
    nursery.entrust(process)
    pid = process.pid or 0
    return Slot(
        pool=pool,
        process=process,
        mark=mark,
        spool=path,
        lanes=lanes,
        pid=pid,
        start_ticks=start_ticks(pid) or 0,
        pidfd=os.pidfd_open(pid),
        free=list(reversed(lanes)),
    )
