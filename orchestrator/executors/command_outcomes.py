"""From what the keeper says of an ended command or callable to its outcome: metrics, cause, and a text for a person."""

import errno
import os
import re
import signal
from typing import Any

from orchestrator.domain.evaluation import Job
from orchestrator.domain.outcome import AttemptEnd, Outcome, Usage
from orchestrator.domain.states import Cause
from orchestrator.executors import call_attempts
from orchestrator.executors.command_attempts import Attempt
from orchestrator.executors.searchers import Searchers
from orchestrator.worker import commands, limits
from orchestrator.worker.keeper_protocol import Message

_NOT_EXECUTABLE, _NOT_FOUND, _SIGNALS_FROM = 126, 127, 128
_LAST_LINES = 20
_REFUSED = re.compile(r"^([\w.]*MemoryError\b|terminate called .*std::bad_alloc)|Cannot allocate memory", re.MULTILINE)
"""What programs say that asked for memory and did not get it."""


def outcome_of(job: Job, attempt: Attempt, *, ended: Message, searchers: Searchers) -> Outcome:
    """The outcome of an attempt from the keeper's message on its end. With metric patterns the output is searched: use a thread."""
    usage = usage_of(ended)
    if ended["problem"] is not None:
        return _not_started(job, ended["problem"], usage=usage)
    status: int = ended["status"]
    failure = _failure(job, ended)
    if failure is None and job.call is not None:
        returned = call_attempts.result_of(ended)
        if returned is not None:  # measured is the whole process, as it is that the timeout counts
            return returned._replace(usage=usage)
        failure = call_attempts.no_result(status)
    if failure is not None:
        return _failed(failure[0], _with_errors(failure[1], ended), status=status, usage=usage)
    try:
        metrics = read_metrics(job, attempt, ended=ended, searchers=searchers)
    except commands.InvalidMetrics as error:
        return _failed(Cause.INVALID_RESULT, str(error), status=0, usage=usage)
    except OSError as error:
        return _failed(Cause.WORKER_LOST, f"the output could not be searched: {error.strerror}", status=0, usage=usage)
    return Outcome(end=AttemptEnd.SUCCEEDED, metrics=metrics, exit_status=0, usage=usage)


def _failure(job: Job, ended: Message) -> tuple[Cause, str] | None:
    """Why it has ended before its time, and the sentence for a person; None when it left with status 0."""
    status: int = ended["status"]
    excess = _memory_text(job, ended)
    if excess is not None:
        return Cause.OUT_OF_MEMORY, excess
    if ended["timed_out"]:
        return Cause.TIMED_OUT, f"ran longer than {job.timeout_seconds:g} s and was killed with all its processes"
    if status < 0:
        return Cause.SIGNALLED, _signal_text(-status)
    return (Cause.EXITED, _status_text(status)) if status > 0 else None


def _memory_text(job: Job, ended: Message) -> str | None:
    """Why its memory has ended it, when that is so: it held too much, or the backstop has refused it more."""
    if job.memory_bytes is None:
        return None
    if ended.get("exceeded_bytes") is not None:
        return limits.excess_text(ended["exceeded_bytes"], job.memory_bytes)
    if ended["status"] != 0 and not ended["timed_out"] and _REFUSED.search(ended["errors"] or ""):
        return limits.refusal_text(job.memory_bytes)
    return None


def lost(known: Message) -> Outcome:
    """The outcome of an attempt whose keeper has died."""
    waited = known.get("queue_seconds")
    usage = Usage(known["started_us"], pid=known["pid"], start_ticks=known["start_ticks"], queue_seconds=waited)
    text = (
        "the keeper, the process that watches over isolated evaluations, has died; it was killed with all its processes"
    )
    return Outcome(end=AttemptEnd.FAILED, cause=Cause.WORKER_LOST, error=text, usage=usage)


def usage_of(ended: Message) -> Usage:
    """The measured numbers. The kernel counts into the peak RSS what the keeper had when it started the process (10 MiB)."""
    names = ("started_us", "finished_us", "wall_seconds", "cpu_seconds", "max_rss_bytes", "output_bytes", "pid")
    newer = {
        name: ended.get(name) for name in ("read_bytes", "written_bytes", "queue_seconds")
    }  # an older keeper does not tell
    return Usage(**{name: ended[name] for name in names}, start_ticks=ended["start_ticks"], **newer)


def read_metrics(job: Job, attempt: Attempt, *, ended: Message, searchers: Searchers) -> dict[str, float]:
    """Declared patterns count; else the result file; else the last line of the output; else there are none.

    Raises InvalidMetrics, and OSError when nothing can be searched now.
    """
    if job.metric_patterns:
        return searchers.metrics(job.metric_patterns, attempt.out)
    if ended.get("too_long") is not None:  # an older keeper does not tell
        facts = ended["too_long"]
        raise commands.too_long(facts["kind"], facts["bytes"], limit=facts["limit_bytes"])
    metrics = commands.metrics_from_result(ended["result"] or "")
    if metrics is None:
        metrics = commands.metrics_from_last_line(ended["last_line"] or "")
    return metrics or {}


def _failed(cause: Cause, error: str, *, status: int | None, usage: Usage) -> Outcome:
    return Outcome(end=AttemptEnd.FAILED, cause=cause, error=error, exit_status=status, usage=usage)


def _with_errors(text: str, ended: Message) -> str:
    """The text and the last lines the command wrote to its standard error."""
    lines = (ended["errors"] or "").rstrip().splitlines()[-_LAST_LINES:]
    return "\n".join((text, *lines))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _signal_text(number: int) -> str:
    text = f"killed by {_signal_name(number)} (signal {number})"
    if number == signal.SIGKILL:
        return f"{text}; when nobody sent it, it was the kernel, out of memory"
    return text


def _status_text(status: int) -> str:
    text = f"exited with status {status}"
    if status == _NOT_FOUND:
        return f"{text}: by a shell's convention, a command was not found"
    if status == _NOT_EXECUTABLE:
        return f"{text}: by a shell's convention, a command was found but could not be executed"
    if status - _SIGNALS_FROM in set(signal.Signals):
        return f"{text}: by a shell's convention, a command was killed by {_signal_name(status - _SIGNALS_FROM)}"
    return text


def _not_started(job: Job, problem: dict[str, Any], *, usage: Usage) -> Outcome:
    """Nothing was started. What the experiment asks for wrongly is as if a shell had said so; the rest is the machine's fault."""
    kind, path, message = problem["kind"], problem["path"], problem["message"]
    if kind in {"workdir", "program"} and job.call is not None:
        text = (
            f"{path}: {message}"
            if kind == "workdir"
            else f"the interpreter cannot be started: {_program_text(job, problem)}"
        )
        return _failed(Cause.RAISED, text, status=None, usage=usage)._replace(import_failed=True)
    if kind == "workdir":
        text = f"the working directory {path} cannot be entered: {message}"
        return _failed(Cause.EXITED, text, status=_NOT_EXECUTABLE, usage=usage)
    if kind == "program":
        found = problem["errno"] != errno.ENOENT
        status = _NOT_EXECUTABLE if found else _NOT_FOUND
        return _failed(Cause.EXITED, _program_text(job, problem), status=status, usage=usage)
    text = f"the command could not be started: {message}" + (f" ({path})" if kind == "files" else "")
    return _failed(Cause.WORKER_LOST, text, status=None, usage=usage)


def _program_text(job: Job, problem: dict[str, Any]) -> str:
    number, path, message = problem["errno"], problem["path"], problem["message"]
    if number == errno.ENOENT and "/" not in path:
        return f"command not found: {path!r} is in no folder of PATH={dict(job.environment).get('PATH', os.defpath)}"
    if number == errno.ENOENT:
        return f"command not found: {path} (or the interpreter in its first line), seen from {job.workdir}"
    if number == errno.E2BIG:
        return f"{path} could not be executed: {message}; read the parameters from the file $ORC_PARAMS instead"
    if number == errno.ENOEXEC:
        return f"{path} could not be executed: {message}; a script needs a first line such as #!/bin/sh"
    return f"{path} could not be executed: {message}"
