"""What one attempt came to, as the daemon knows it: the end, the metrics, and the numbers every attempt carries.

Tuples, as thousands are made at once.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestrator.domain.report import Report, Spent
from orchestrator.domain.states import Cause
from orchestrator.domain.words import Word

MEASURED = ("wall_seconds", "cpu_seconds", "max_rss_bytes")
"""Measured numbers that objectives, gates and promotions may use as metrics without the workload doing anything."""


class AttemptEnd(Word):
    """How one attempt ended."""

    SUCCEEDED = "succeeded"  # it gave metrics
    FAILED = "failed"  # it has a cause
    CANCELLED = "cancelled"  # a person, the end of its experiment, or a pruning rule stopped it
    INTERRUPTED = "interrupted"  # the daemon stopped it on its way out; it is run again, uncounted


class Usage(NamedTuple):
    """Measured numbers of one attempt; None when unknown, never 0 for unknown. Times are UTC microseconds."""

    started_us: int | None = None
    finished_us: int | None = None
    wall_seconds: float | None = None
    cpu_seconds: float | None = None  # user + system
    max_rss_bytes: int | None = None
    output_bytes: int | None = None  # stdout + stderr
    pid: int | None = None
    start_ticks: int | None = None  # /proc/<pid>/stat field 22, names the process together with the boot id
    read_bytes: int | None = None  # fetched from storage, not from what the kernel had in memory
    written_bytes: int | None = None  # sent to storage
    starved_seconds: float | None = None  # ready to compute while others had the cores: for the placing, not on record
    queue_seconds: float | None = (
        None  # from being ready to being sent, when that was told to whoever ran it (`Batch.waited`)
    )


UNKNOWN_USAGE = Usage()

_SAID_FIRST = frozenset({Cause.SIGNALLED, Cause.TIMED_OUT, Cause.OUT_OF_MEMORY})
"""Causes that do not come from the workload: what it printed last, which may follow, says nothing of them."""


def short_error(error: str | None, cause: str | None) -> str:
    """What the text of an error comes down to in a line; empty without one.

    A traceback, and what a program printed before it left by itself, end with the point; what was killed begins with it.
    """
    lines = (error or "").strip().splitlines()
    if not lines:
        return ""
    if lines[0].startswith("Traceback "):
        return _raised(lines)
    return lines[0] if cause in _SAID_FIRST else lines[-1]


def _raised(lines: Sequence[str]) -> str:
    """The line of a traceback that names the exception: the first behind its last frame, whose message may have more lines."""
    last_frame = max((place for place, line in enumerate(lines) if line.startswith("  File ")), default=len(lines))
    behind = [place for place in range(last_frame + 1, len(lines)) if lines[place].strip() and lines[place][0] != " "]
    if not behind:
        return lines[-1]
    return f"{lines[behind[0]]} …" if behind[0] < len(lines) - 1 else lines[behind[0]]


class Artifact(NamedTuple):
    """A file that an evaluation wanted to keep; `kept` unless it was too large."""

    name: str
    size_bytes: int
    kept: bool


class Outcome(NamedTuple):
    """One attempt's end. `cause` is set when, and only when, `end` is FAILED."""

    end: AttemptEnd
    metrics: Mapping[str, float] | None = None
    cause: Cause | None = None
    error: str | None = None  # text for a person; for an exception its traceback
    exit_status: int | None = None  # exit code, or minus the signal's number
    import_failed: bool = False  # the workload could not be imported: nothing of this experiment can run
    code_changed: bool = False  # it was not begun: its code is not the code that was submitted
    evicted: bool = False  # it was stopped so that others have memory: it is run again, uncounted
    usage: Usage = UNKNOWN_USAGE
    pruned: str | None = None  # it has let Pruned through, or raised it by itself: what that said; `end` is CANCELLED
    reports: tuple[Report, ...] = ()  # those that could not be told while it ran
    spent: Spent | None = None
    artifacts: tuple[Artifact, ...] = ()
