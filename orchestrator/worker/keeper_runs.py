"""One evaluation under the keeper: how its process is started, what is known of it, and what is said of it when it has ended."""

from __future__ import annotations

import errno
import os
import resource
import signal
import time
from collections import deque
from typing import Any, Deque, Dict, List, Optional, Sequence, Tuple

from orchestrator.worker import keeper_system as system
from orchestrator.worker import lock_files
from orchestrator.worker.keeper_berths import Berth, Berths
from orchestrator.worker.keeper_files import TooLong
from orchestrator.worker.keeper_protocol import Message
from orchestrator.worker.keeper_streams import LONGEST_ERRORS_BYTES, Stream
from orchestrator.worker.limits import BACKSTOP
from orchestrator.worker.usage import moved

_RESET = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
_FACTS = (
    "status",
    "pid",
    "start_ticks",
    "started_us",
    "finished_us",
    "wall_seconds",
    "cpu_seconds",
    "max_rss_bytes",
    "output_bytes",
    "read_bytes",
    "written_bytes",
    "queue_seconds",
    "problem",
    "result",
    "last_line",
    "too_long",
    "errors",
    "scratch",
)
_MOST_PROGRAMS = 256


class CannotStart(Exception):
    """Nothing could be started: what was at fault (`workdir`, `files`, `program`, `process`), which path, and the error."""

    def __init__(self, kind: str, path: str, error: Exception) -> None:
        super().__init__(kind, path, error)
        number = error.errno if isinstance(error, OSError) else None
        text = os.strerror(number) if number else str(error)
        self.problem = {"kind": kind, "path": path, "errno": number, "message": text}


class Chain:
    """Evaluations of one job that are run one after the other. `locks` are descriptors that they hold all the time."""

    __slots__ = ("job", "locks", "waiting")

    def __init__(self, job: Message, *, locks: Sequence[int] = ()) -> None:
        self.job = job
        self.locks = list(locks)
        self.waiting: Deque[Run] = deque()

    def leave_locks(self) -> None:
        """They are up to whoever else has copies."""
        while self.locks:
            os.close(self.locks.pop())

    def give_back_locks(self) -> None:
        """End them."""
        while self.locks:
            lock_files.give_back(self.locks.pop())


class Run:
    """One evaluation, from the message that asks for it to the message that tells its end."""

    def __init__(self, chain: Chain, spec: Message, *, mark: int) -> None:
        self.chain = chain
        self.token: str = spec["token"]
        self.mark = mark
        self.pid: Optional[int] = None
        self.ended = False  # told; nothing of it is alive
        self.timed_out = False
        self.killed = False
        self.abandoned = False  # told as ended while it hangs in the kernel
        self.exceeded_bytes: Optional[int] = None  # what it held when that was more than its limit
        self.tree_peak_bytes: Optional[int] = None  # when it has a limit
        self.swept = False  # what the main process left behind has been searched and killed once
        self._spec = spec
        self._berth: Optional[Berth] = None
        self._streams: List[Stream] = []
        self._started = 0.0
        self._facts: Dict[str, Any] = dict.fromkeys(_FACTS)
        self._facts["queue_seconds"] = spec.get("queue_seconds")  # an older daemon does not tell

    @property
    def limit_bytes(self) -> int:
        """The most that is kept of each stream."""
        return int(self.chain.job["output_bytes"])

    def move_in(self, berths: Berths) -> Message:
        """Take a berth; what is written down of it before its process is born. Raises CannotStart."""
        if len(self.chain.locks) < self.chain.job.get("locks", 0):
            raise CannotStart("files", "locks", OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
        try:
            self._berth = berth = berths.take()
            self._streams = berth.streams(self._spec["out"], self._spec["err"])
            berth.furnish(self._spec["parameters"])
            for stream in self._streams:
                stream.open()
        except OSError as error:
            raise CannotStart("files", str(error.filename), error) from error
        places = {"folder": berth.folder, "out": self._spec["out"], "err": self._spec["err"]}
        waited = self._facts["queue_seconds"]
        return {"mark": self.mark, "output_bytes": self.limit_bytes, "queue_seconds": waited, **places}

    def start(self, own_mark: system.OwnMark) -> Message:
        """After `move_in`: start its process; the message that says so. Raises CannotStart."""
        job = self.chain.job
        assert self._berth is not None
        try:
            environment = {**job["environment"], **self._spec["environment"], **self._berth.environment()}
            _enter(job["workdir"])
            program = PROGRAMS.find(self._spec["argv"][0], environment.get("PATH", os.defpath), job["workdir"])
            self._facts["started_us"], self._started = time.time_ns() // 1000, time.monotonic()
            own_mark.take(self.mark)
            BACKSTOP.put(job.get("memory_bytes"))
            self.pid = self._facts["pid"] = self._spawn(program, environment)
        finally:
            BACKSTOP.put(None)
            own_mark.put_back()
            os.chdir("/")
        self._facts["start_ticks"] = system.start_ticks(self.pid)
        for lock in self.chain.locks:
            lock_files.sign(lock, pid=self.pid, start_ticks=self._facts["start_ticks"])
        return self.started_message()

    def release_locks(self) -> None:
        """It has ended, or will not begin: when it is the last of its chain the locks come back, unless it hangs in the kernel."""
        if self.abandoned:
            self.chain.leave_locks()
        elif not self.chain.waiting:
            self.chain.give_back_locks()

    def _shut_streams(self) -> None:
        for stream in self._streams:
            stream.shut()

    def move_out(self, berths: Berths) -> None:
        """After `move_in`: it is not to be started after all."""
        self.ended = True
        self._shut_streams()
        assert self._berth is not None
        berths.give_back(self._berth)
        self._berth = None

    def _spawn(self, program: str, environment: Dict[str, str]) -> int:
        streams = enumerate(self._streams, start=1)
        actions = [(os.POSIX_SPAWN_DUP2, stream.descriptor, number) for number, stream in streams]
        try:
            for lock in self.chain.locks:
                os.set_inheritable(lock, True)  # noqa: FBT003 - as the standard library has it
            return os.posix_spawn(
                program,
                self._spec["argv"],
                environment,
                file_actions=actions,
                setsid=True,
                setsigmask=(),
                setsigdef=_RESET,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument, or a strange name in the environment
            PROGRAMS.forget()
            kind = "process" if getattr(error, "errno", None) in (errno.EAGAIN, errno.ENOMEM) else "program"
            raise CannotStart(kind, program, error) from error
        finally:
            for lock in self.chain.locks:
                os.set_inheritable(lock, False)  # noqa: FBT003 - as above

    @property
    def executing(self) -> bool:
        """Whether its main process has been started and not reaped."""
        return self.pid is not None and self._facts["status"] is None

    def started_message(self) -> Message:
        """Who it is."""
        facts = {name: self._facts[name] for name in ("pid", "start_ticks", "started_us")}
        return {"event": "started", "token": self.token, "mark": self.mark, **facts}

    def account(self, usage: resource.struct_rusage) -> None:
        """Add what one process of the evaluation used: its main one, or one that was left behind."""
        facts = self._facts
        facts["cpu_seconds"] = (facts["cpu_seconds"] or 0.0) + usage.ru_utime + usage.ru_stime
        facts["max_rss_bytes"] = max(facts["max_rss_bytes"] or 0, usage.ru_maxrss * 1024)
        bytes_moved = moved(usage)
        if bytes_moved is not None:
            facts["read_bytes"] = (facts["read_bytes"] or 0) + bytes_moved[0]
            facts["written_bytes"] = (facts["written_bytes"] or 0) + bytes_moved[1]

    def main_ended(self, status: int) -> None:
        """Its main process has ended, with this wait status."""
        self._facts["wall_seconds"] = time.monotonic() - self._started
        self._facts["finished_us"] = time.time_ns() // 1000
        self._facts["status"] = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

    def never_started(self, error: CannotStart) -> None:
        """It has ended without having begun."""
        self._facts["problem"] = error.problem

    def look(self) -> None:
        """Called now and then while it runs: its output is shown and kept within limits."""
        for stream in self._streams:
            stream.look(self.limit_bytes)

    def close(self, berths: Berths) -> Message:
        """Bring its output where it belongs and free its berth; the message that tells its end."""
        self.ended = True
        if self.pid is not None:
            self._take_in(berths)
        self._shut_streams()
        if self._berth is not None:
            if self.abandoned:
                self._berth.close()
            else:
                berths.give_back(self._berth)
        flags = {"timed_out": self.timed_out, "killed": self.killed, "exceeded_bytes": self.exceeded_bytes}
        if self.tree_peak_bytes is not None:
            self._facts["max_rss_bytes"] = max(self._facts["max_rss_bytes"] or 0, self.tree_peak_bytes)
        return {"event": "ended", "token": self.token, **flags, **self._facts}

    def _take_in(self, berths: Berths) -> None:
        """What it has left in its berth."""
        assert self._berth is not None
        facts = self._facts
        for stream in self._streams:
            stream.measure()
        facts["output_bytes"] = sum(stream.written_bytes for stream in self._streams)
        facts["scratch"] = self._berth.take_scratch(berths.aside(self.token))
        if facts["status"] != 0 or self.timed_out:
            facts["errors"] = self._streams[1].end(LONGEST_ERRORS_BYTES).decode("utf-8", "replace") or None
        try:
            facts["result"] = self._berth.take_result()
            if facts["status"] == 0 and not (facts["result"] or "").strip():
                facts["last_line"] = self._streams[0].last_object_line()
        except TooLong as refused:
            facts["too_long"] = refused.facts
        for stream in self._streams:
            try:
                stream.settle(self.limit_bytes)
            except OSError:  # the disk is full: the evaluation counts, what it printed is lost
                stream.discard()


def lost_message(begun: Message, *, with_what: str) -> Message:
    """The end of an evaluation whose keeper has died, by what that one wrote down of it."""
    flags = {"timed_out": False, "killed": False, "exceeded_bytes": None, "lost": with_what}
    facts = {name: begun.get(name) for name in ("pid", "start_ticks", "started_us", "queue_seconds")}
    return {"event": "ended", "token": begun["begun"], **flags, **dict.fromkeys(_FACTS), **facts}


def salvage(begun: Message) -> None:
    """Bring what it had printed where it belongs, after its processes have ended."""
    try:
        berth = Berth(begun["folder"])
    except OSError:  # the evaluation has removed it
        return
    for stream in berth.streams(begun["out"], begun["err"]):
        try:
            if stream.reopen():
                stream.measure()
                stream.settle(begun["output_bytes"])
        except OSError:
            pass  # a full disk: it is lost
        finally:
            stream.shut()
    berth.close()


def _enter(workdir: str) -> None:
    try:
        os.chdir(workdir)
    except OSError as error:
        raise CannotStart("workdir", workdir, error) from error


class Programs:
    """Which file a command's first word means, as a shell would find it. What was found is remembered until something fails."""

    def __init__(self) -> None:
        self._found: Dict[Tuple[str, str, str], str] = {}

    def find(self, name: str, search_path: str, workdir: str) -> str:
        """The path; relative ones are seen from the current directory, which is `workdir`. Raises CannotStart."""
        if "/" in name:
            return name
        key = (name, search_path, workdir)
        path = self._found.get(key)
        if path is None:
            if len(self._found) >= _MOST_PROGRAMS:
                self.forget()
            path = self._found[key] = _search(name, search_path)
        return path

    def forget(self) -> None:
        """Search anew."""
        self._found.clear()


PROGRAMS = Programs()


def _search(name: str, search_path: str) -> str:
    number = errno.ENOENT
    for folder in search_path.split(os.pathsep):
        path = os.path.join(folder or ".", name)
        if os.path.isfile(path):
            if os.access(path, os.X_OK):
                return path
            number = errno.EACCES
    raise CannotStart("program", name, OSError(number, os.strerror(number)))
