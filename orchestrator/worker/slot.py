"""How a fresh process becomes a slot: what is done before any workload is imported."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import resource
import signal
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import wait
from typing import NamedTuple

from orchestrator.worker import lane, libc, lock_channel
from orchestrator.worker.journal import Journal
from orchestrator.worker.keeper_system import become_subreaper, send_signal
from orchestrator.worker.keeper_trees import members
from orchestrator.worker.limits import be_killed_before_the_daemon
from orchestrator.worker.streams import ProcessStreams
from orchestrator.worker.usage import ProcessMeter


class Cords(NamedTuple):
    """What ties a lane to the daemon, as descriptors: the journal, the bell, and the socket over which its locks arrive."""

    journal: int
    bell: int
    locks: int

    def taken(self, number: int) -> Journal:
        """Keep them from whatever the evaluations start; the journal of this lane, which rings the bell."""
        for descriptor in (self.journal, self.bell):
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - as the standard library has it
        lock_channel.lay(number, self.locks)
        return Journal(self.journal, bell=self.bell)


def enter_slot(mark: int, spool: str, given: Sequence[Cords]) -> None:
    """Make this process a slot that catches output in `<spool>.out` and `<spool>.err`.

    The lanes are used in turn: while a batch executes in one, the next batch waits in another.
    """
    spools = become_slot(mark, spool)
    libc.buffer_stdout_by_lines()
    streams, meter = ProcessStreams(*spools), ProcessMeter()
    for number, cords in enumerate(given):
        journal = cords.taken(number)
        lane.lay(number, lane.LocalLane(journal, spools, streams=streams, meter=meter, flush_c=libc.flush_stdout))


def become_slot(mark: int, spool: str) -> tuple[int, int]:
    """What every kind of slot begins with; the descriptors of its spools, where descriptors 1 and 2 lead to from now on.

    It takes the mark that all its descendants inherit (see `keeper_system`), leaves the daemon's session and terminal, and ends,
    with everything it has started, when the daemon dies.
    """
    resource.setrlimit(resource.RLIMIT_RTTIME, (mark, resource.RLIM_INFINITY))
    os.setsid()
    _reset_signals()
    become_subreaper()
    threading.Thread(target=_die_with_parent, args=(mark,), name="parent-watch", daemon=True).start()
    spools = open_spools(spool)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (spools[0], 1), (spools[1], 2)):
        os.dup2(source, target)
    os.close(null)
    faulthandler.enable(2)
    be_killed_before_the_daemon()
    sys.argv[1:] = []
    sys.dont_write_bytecode = True  # a file edited twice in a second must not be served from a cache
    return spools


def open_spools(spool: str) -> tuple[int, int]:
    """Descriptors of `<spool>.out` and `<spool>.err`, to append to and to read."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    return os.open(spool + ".out", flags, 0o600), os.open(spool + ".err", flags, 0o600)


def _reset_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _die_with_parent(mark: int) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        for pid in members((mark,)):
            if pid != os.getpid():
                send_signal(pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
