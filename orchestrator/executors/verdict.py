"""What came of a batch whose process has died: a plain function of what the journal says and of how the process ended."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.domain.evaluation import BatchResult
from orchestrator.domain.outcome import UNKNOWN_USAGE, AttemptEnd, Outcome, Usage
from orchestrator.domain.states import Cause
from orchestrator.worker.limits import excess_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """How a process ended, and what one batch in it was doing."""

    exit_status: int | None  # minus the signal's number when one ended it; None when nobody knows
    executing: int | None  # position of the evaluation that executed
    loading: str | None = None  # the callable that was being imported for it
    killed: bool = False  # by us: for a timeout, for a stop, or for another batch in the same process
    overdue: int | None = None  # position of the evaluation whose time was up when we killed
    timeout_seconds: float | None = None
    exceeded: tuple[int, int] | None = (
        None  # position of the evaluation that held too much when we killed, and how much
    )
    memory_bytes: int | None = None  # the limit
    broke: str | None = None  # what its worker raised, which no evaluation may make it do; we ended the process then
    suspects: int = 1  # evaluations that may have ended it, this one among them; 0 when it was another for sure
    usage: Usage = UNKNOWN_USAGE

    @property
    def unclear(self) -> bool:
        """Whether several evaluations may have done it: then none is charged, and each of them runs again by itself."""
        return self.suspects > 1 and self.broke is None and not self.killed


def verdict(count: int, *, finished: Mapping[int, Outcome], death: Death) -> BatchResult:
    """Put every position of a batch of `count` where it belongs."""
    outcomes = dict(finished)
    interrupted: tuple[int, ...] = ()
    executing = death.executing
    if executing is not None and executing < count and executing not in outcomes:
        ended = _outcome_of(death)
        if ended is None:
            interrupted = (executing,)
        else:
            outcomes[executing] = ended
    unstarted = tuple(position for position in range(count) if position not in outcomes and position not in interrupted)
    used = dict.fromkeys(interrupted, death.usage)
    return BatchResult(outcomes=outcomes, interrupted=interrupted, unstarted=unstarted, used=used)


def _outcome_of(death: Death) -> Outcome | None:
    """The end of the evaluation that executed; None when it is innocent of it, or may be."""
    if death.broke is not None:
        return _failed(death, Cause.WORKER_LOST, f"its process could not go on: {death.broke}{_where(death)}")
    if death.killed:
        return _outcome_of_killed(death)
    if death.suspects == 0 or death.unclear:
        return None
    if death.exit_status is None:
        return _failed(death, Cause.WORKER_LOST, "its process ended for an unknown reason")
    if death.exit_status < 0:
        return _failed(death, Cause.SIGNALLED, f"killed by {signal_text(-death.exit_status)}{_where(death)}")
    return _failed(death, Cause.EXITED, f"the process left with exit status {death.exit_status}{_where(death)}")


def _outcome_of_killed(death: Death) -> Outcome | None:
    position, used_bytes = death.exceeded or (None, 0)
    if position == death.executing and death.memory_bytes is not None:
        text = excess_text(used_bytes, death.memory_bytes)
        held = death.usage._replace(max_rss_bytes=max(used_bytes, death.usage.max_rss_bytes or 0))
        return Outcome(AttemptEnd.FAILED, cause=Cause.OUT_OF_MEMORY, error=f"{text}{_where(death)}", usage=held)
    return _failed(death, Cause.TIMED_OUT, _timeout_text(death)) if death.overdue == death.executing else None


def _failed(death: Death, cause: Cause, error: str) -> Outcome:
    told = death.exit_status if cause in {Cause.SIGNALLED, Cause.EXITED} else None
    return Outcome(end=AttemptEnd.FAILED, cause=cause, error=error, exit_status=told, usage=death.usage)


def _timeout_text(death: Death) -> str:
    return f"ran longer than its timeout of {death.timeout_seconds:g} s and was killed{_where(death)}"


def _where(death: Death) -> str:
    return "" if death.loading is None else f" while {death.loading} was being imported"


def signal_text(number: int) -> str:
    """A signal's name and what it usually means."""
    try:
        name, meaning = signal.Signals(number).name, signal.strsignal(number)
    except ValueError:
        return f"signal {number}"
    if number == signal.SIGKILL:
        return f"{name} (by somebody, or by the kernel because memory ran out)"
    return f"{name} ({meaning})"
