"""Searching outputs for declared metrics, in processes that can be ended: see `worker/pattern_search`."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.worker.commands import InvalidMetrics
from orchestrator.worker.pattern_search import MOST_SECONDS

LATE_SECONDS = 30.0
"""What a search may take of everybody's time: the machine is busy, or its files are not there."""
MOST_IDLE = 2
_COMMAND = (sys.executable, "-S", "-s", "-m", "orchestrator.worker.pattern_search")
_ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PYTHONSAFEPATH": "1"}
_CHUNK_BYTES = 1 << 16

Pattern = tuple[str, str]  # the metric and its regular expression
Answer = dict[str, Any]


class Searchers:
    """As many processes as searches at one instant; a few are kept for the next ones. It blocks: for threads."""

    def __init__(self) -> None:
        self._idle: list[_Searcher] = []
        self._lock = threading.Lock()

    def metrics(self, patterns: Sequence[Pattern], path: str) -> dict[str, float]:
        """The numbers that the patterns find in a file. Raises InvalidMetrics, and OSError when no process can be started."""
        with self._lock:
            searcher = self._idle.pop() if self._idle else None
        answers = None if searcher is None else self._ask(searcher, patterns, path)
        if answers is None:  # somebody has ended the one that was kept
            answers = self._ask(_Searcher(), patterns, path)
        if answers is None:
            raise InvalidMetrics("the process that searches the output for metrics has died")
        if "error" in answers[-1]:
            raise InvalidMetrics(answers[-1]["error"])
        return {metric: answer["number"] for (metric, _), answer in zip(patterns, answers, strict=True)}

    def _ask(self, searcher: "_Searcher", patterns: Sequence[Pattern], path: str) -> list[Answer] | None:
        """Its answers, the last of which may be an error; None when it was ended by somebody else."""
        answers = searcher.ask(patterns, path)
        if len(answers) == len(patterns) or (answers and "error" in answers[-1]):
            self._keep(searcher)
            return answers
        late, status = not searcher.has_hung_up, searcher.end()
        if not late and status != -signal.SIGPROF:
            return None
        limit = f"{LATE_SECONDS:g} s" if late else f"{MOST_SECONDS:g} s of processor time"
        metric, pattern = patterns[len(answers)]
        return [*answers, {"error": f"metric {metric!r}: searching the output for {pattern} takes more than {limit}"}]

    def _keep(self, searcher: "_Searcher") -> None:
        with self._lock:
            if len(self._idle) < MOST_IDLE:
                self._idle.append(searcher)
                return
        searcher.end()

    def close(self) -> None:
        """End those that are kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for searcher in idle:
            searcher.end()


class _Searcher:
    """One process, which answers one request at an instant."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            _COMMAND,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=True,  # an interrupt at the terminal is the daemon's
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self.has_hung_up = False

    def ask(self, patterns: Sequence[Pattern], path: str) -> list[Answer]:
        """What it has answered until it has found all, until one gave an error, or until it had died or was late."""
        with suppress(BrokenPipeError):
            self._requests.write(json.dumps({"path": path, "patterns": patterns}).encode() + b"\n")
        deadline = time.monotonic() + LATE_SECONDS
        answers: list[Answer] = []
        rest = b""
        while len(answers) < len(patterns) and not (answers and "error" in answers[-1]):
            data = self._read(deadline)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            answers += map(json.loads, lines)
        return answers

    def _read(self, deadline: float) -> bytes:
        """What comes next; nothing when it is dead or late."""
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return b""
        data = os.read(self._answers.fileno(), _CHUNK_BYTES)
        self.has_hung_up = not data
        return data

    def end(self) -> int:
        """Kill it if it lives; its exit status, or minus the signal that it has died of."""
        if not self.has_hung_up:
            self._process.kill()
        with self._requests, self._answers:
            return self._process.wait()
