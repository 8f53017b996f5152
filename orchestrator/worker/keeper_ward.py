"""The evaluations in the keeper's care: started, timed, killed, reaped, swept. It knows processes and time, no sockets."""

from __future__ import annotations

import errno
import os
import signal
import time
from typing import Callable, Dict, Iterable, List, Optional, Sequence

from orchestrator.worker import keeper_system as system
from orchestrator.worker import keeper_trees as trees
from orchestrator.worker.keeper_berths import Berths
from orchestrator.worker.keeper_deadlines import Deadlines
from orchestrator.worker.keeper_files import remove_tree
from orchestrator.worker.keeper_journal import Journal
from orchestrator.worker.keeper_memory import MemoryWatch
from orchestrator.worker.keeper_protocol import Message, encode
from orchestrator.worker.keeper_runs import CannotStart, Chain, Run

GRACE_SECONDS = 0.4
"""Between SIGTERM and SIGKILL."""
TELL_SECONDS = 0.05
"""How long an end may wait to be synced and told while others of its chain are to come: one sync then serves several."""
_ABANDON_SECONDS = 2.0
_LOOK_SECONDS = 1.0


class Ward:
    """Takes requests, hands every message that answers them to `emit`.

    An evaluation has ended when its main process and everything it left behind have; whose an orphan is, its mark says.
    """

    def __init__(self, emit: Callable[[bytes], None], *, instance: int, berths: Berths, journal: Journal) -> None:
        self._emit = emit
        self._berths = berths
        self._journal = journal
        self._children = system.OwnChildren()
        self._own_mark = system.OwnMark()
        self._marks = system.marks_of(instance)
        self._given_marks = iter(self._marks)
        self._waiting: Dict[str, Run] = {}
        self._running: Dict[str, Run] = {}
        self._by_pid: Dict[int, Run] = {}  # their main processes are alive or not reaped
        self._by_mark: Dict[int, Run] = {}
        self._sweeping: Dict[int, Run] = {}  # by mark: the main process has ended
        self._births: List[Run] = []  # decided; each happens once it is written down. They count as waiting
        self._planned = False  # whether something was written down that the next birth waits for
        self._unsaid: List[bytes] = []  # ends that are told once they are on the disk
        self._tell_at = 0.0  # when the first of them is to be told at the latest
        self._deadlines = Deadlines()
        self.memory = MemoryWatch(self._orphans)
        self._next_look: Optional[float] = None
        self._leaving = False

    # ---------------------------------------------------------------------------------------------------- requests

    def start(self, job: Message, specs: Iterable[Message], *, locks: Sequence[int] = ()) -> None:
        """Run these one after the other. Those that are known by their tokens are told again instead."""
        chain = Chain(job, locks=locks)
        for spec in specs:
            if not self._tell_again(spec["token"]):
                run = Run(chain, spec, mark=next(self._given_marks))
                self._waiting[run.token] = run
                chain.waiting.append(run)
        if not chain.waiting:
            chain.leave_locks()  # copies of what those have that are known
            return
        self._journal.plan({run.token: run.mark for run in chain.waiting})
        self._planned = True
        self._go_on(chain)

    def _tell_again(self, token: str) -> bool:
        ended = self._journal.end_of(token)
        if ended is not None:
            self._say(encode(ended), by=time.monotonic())
        elif token in self._running:
            self._emit(encode(self._running[token].started_message()))
        return ended is not None or token in self._running or token in self._waiting

    def kill(self, tokens: Iterable[str]) -> None:
        """End the process trees of these; those that have not begun never will."""
        dying: List[Run] = []
        for token in tokens:
            waiting = self._waiting.pop(token, None)
            if waiting is not None:
                self._drop(waiting)
                self._emit(encode({"event": "dropped", "token": token}))
            run = self._running.get(token)
            if run is not None and not (run.killed or run.timed_out or run.mark in self._sweeping):
                run.killed = True
                dying.append(run)
        self._terminate(dying)

    def _drop(self, run: Run) -> None:
        """It waits, and never will begin."""
        if run in self._births:
            self._births.remove(run)
            run.move_out(self._berths)
            run.release_locks()
            self._go_on(run.chain)
        else:
            run.chain.waiting.remove(run)
            run.ended = True
        if not run.chain.waiting:
            self._tell_at = time.monotonic()  # what has ended of it before was the last
        self._journal.forget([run.token])

    def acknowledge(self, tokens: Iterable[str]) -> None:
        """Forget the ends of these, and what they left in their scratch folders."""
        known = list(tokens)
        for token in known:
            ended = self._journal.end_of(token)
            if ended is not None and ended["scratch"] is not None:
                remove_tree(ended["scratch"])
        self._journal.forget(known)

    def leave(self) -> None:
        """Kill everything, start nothing more. Reaping goes on until nothing is left."""
        self._leaving = True
        for run in list(self._waiting.values()):
            self._drop(run)
        self._waiting.clear()
        for run in self._running.values():
            run.killed = True
        trees.kill_members(self._marks)
        self._kill_strays()

    def running(self) -> List[Message]:
        """Who runs."""
        return [run.started_message() for run in self._running.values()]

    def chains(self) -> List[List[str]]:
        """The tokens of what runs and of what waits for it, chain by chain, in order."""
        found: Dict[int, List[str]] = {}
        for run in (*self._running.values(), *self._waiting.values()):
            found.setdefault(id(run.chain), []).append(run.token)
        return list(found.values())

    @property
    def idle(self) -> bool:
        """Whether nothing runs or waits."""
        return not (self._running or self._waiting)

    # -------------------------------------------------------------------------------------------------------- time

    def wait_seconds(self, now: float) -> Optional[float]:
        """How long there is nothing to do unless something happens; None: for ever."""
        every = (
            self._deadlines.next_time(),
            self._next_look,
            self.memory.next_time,
            self._tell_at if self._unsaid else None,
        )
        times = [at for at in every if at is not None]
        return max(0.0, min(times) - now) if times else None

    def act(self, now: float) -> None:
        """Do what is due."""
        for action, run in self._deadlines.due(now):
            action(run)
        for run in self.memory.due(now):
            self._kill_tree(run)
        if self._next_look is not None and self._next_look <= now:
            for run in self._running.values():
                run.look()
            self._next_look = now + _LOOK_SECONDS if self._running else None

    def _expire(self, run: Run) -> None:
        if not run.killed and run.mark not in self._sweeping:
            run.timed_out = True
            self._terminate([run])

    def _terminate(self, runs: List[Run]) -> None:
        """SIGTERM for whole trees now, SIGKILL after the grace."""
        if runs:
            trees.signal_members({run.mark for run in runs}, signal.SIGTERM)
            at = time.monotonic() + GRACE_SECONDS
            for run in runs:
                self._deadlines.add(at, self._kill_tree, run)

    def _kill_tree(self, run: Run) -> None:
        trees.kill_members({run.mark})
        self._deadlines.add(time.monotonic() + _ABANDON_SECONDS, self._abandon, run)

    def _abandon(self, run: Run) -> None:
        """Killed, and still there: it hangs in the kernel, and dies when the kernel lets it. It is told as ended."""
        if run.pid in self._by_pid:
            del self._by_pid[run.pid]
            run.main_ended(signal.SIGKILL)
        run.abandoned = True
        self._end(run)
        self._go_on(run.chain)

    # ---------------------------------------------------------------------------------------------- starting, reaping

    def _go_on(self, chain: Chain) -> None:
        """The next of the chain that can be started is to be born."""
        while chain.waiting and not self._leaving:
            run = chain.waiting.popleft()
            try:
                facts = run.move_in(self._berths)
            except CannotStart as error:
                self._never(run, error)
            else:
                self._journal.begin(run.token, facts)
                self._births.append(run)
                return

    def commit(self) -> None:
        """Write down what was decided, and do it. What has ended is written down too, and is told by `tell`."""
        while self._births:
            written = self._journal.sync() if self._planned else self._journal.write()
            self._planned = self._planned and not written
            births, self._births = self._births, []
            for run in births:
                self._give_birth(run, written=written)
        self._journal.write()

    def tell(self, now: float) -> None:
        """Sync and tell what has ended, if it is time."""
        if self._unsaid and now >= self._tell_at:
            self._journal.sync()
            unsaid, self._unsaid = self._unsaid, []
            for line in unsaid:
                self._emit(line)

    def _give_birth(self, run: Run, *, written: bool) -> None:
        if not written:
            run.move_out(self._berths)
            self._never(run, CannotStart("files", "journal", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
            self._go_on(run.chain)
            return
        try:
            started = run.start(self._own_mark)
        except CannotStart as error:
            self._never(run, error)
            self._go_on(run.chain)
        else:
            del self._waiting[run.token]
            self._watch(run, started)

    def _never(self, run: Run, error: CannotStart) -> None:
        del self._waiting[run.token]
        run.never_started(error)
        self._tell_end(run)

    def _watch(self, run: Run, started: Message) -> None:
        assert run.pid is not None
        self._journal.started(run.token, {name: started[name] for name in ("pid", "start_ticks", "started_us")})
        self._running[run.token] = self._by_pid[run.pid] = self._by_mark[run.mark] = run
        self._emit(encode(started))
        now = time.monotonic()
        self.memory.add(run, now)
        timeout_seconds = run.chain.job["timeout_seconds"]
        if timeout_seconds is not None:
            self._deadlines.add(now + timeout_seconds, self._expire, run)
        if self._next_look is None:
            self._next_look = now + _LOOK_SECONDS

    def reap(self) -> bool:
        """Take in every child that has ended; whether any child is left."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                self._settle(children=False)
                return False
            if ended is None:
                self._settle(children=True)
                return True
            self._reap_one(ended.si_pid)

    def _reap_one(self, pid: int) -> None:
        """While a zombie is not reaped, its number, its mark and its group are its own: whose it is is asked before."""
        run = self._by_pid.pop(pid, None)
        if run is not None:
            os.killpg(pid, signal.SIGKILL)
        owner = run or self._owner_of(pid)
        _, status, usage = os.wait4(pid, 0)
        if owner is not None:
            owner.account(usage)
        if run is not None:
            run.main_ended(status)
            self._sweeping[run.mark] = run

    def _owner_of(self, pid: int) -> Optional[Run]:
        """The evaluation an orphan belongs to: by its mark, or by the session it was born in."""
        run = self._by_mark.get(system.mark_of(pid))
        if run is None:
            try:
                run = self._by_pid.get(os.getsid(pid))
            except ProcessLookupError:
                return None
        return run

    def _settle(self, *, children: bool) -> None:
        """End the evaluations that left nothing behind; kill what the others left."""
        if self._sweeping or self._leaving:
            left = self._left_behind() if children else {}
            for mark, run in list(self._sweeping.items()):
                if mark not in left:
                    self._end(run)
                    self._go_on(run.chain)
                elif not run.swept:
                    run.swept = True
                    self._kill_tree(run)
        if children and (self._leaving or not self._running):
            self._kill_strays()

    def _left_behind(self) -> Dict[int, Run]:
        """The evaluations without a main process that still have others, which are killed."""
        left: Dict[int, Run] = {}
        for pid in self._orphans():
            run = self._sweeping.get(system.mark_of(pid))
            if run is not None:
                system.send_signal(pid, signal.SIGKILL)
                left[run.mark] = run
        return left

    def _orphans(self) -> List[int]:
        return [pid for pid in self._children.read() if pid not in self._by_pid]

    def _kill_strays(self) -> None:
        """With no evaluation running, no child belongs to one: whatever is there has hidden where it came from."""
        for pid in self._children.read() if self._leaving else self._orphans():
            system.send_signal(pid, signal.SIGKILL)

    def _end(self, run: Run) -> None:
        self._sweeping.pop(run.mark, None)
        self._by_mark.pop(run.mark, None)
        self._running.pop(run.token, None)
        self.memory.conclude(run)
        self._tell_end(run)

    def _tell_end(self, run: Run) -> None:
        message = run.close(self._berths)
        patience = TELL_SECONDS if run.chain.waiting else 0.0  # who sent the chain waits for its last end
        self._say(self._journal.end(run.token, message), by=time.monotonic() + patience)
        run.release_locks()

    def _say(self, line: bytes, *, by: float) -> None:
        self._tell_at = min(by, self._tell_at) if self._unsaid else by
        self._unsaid.append(line)
