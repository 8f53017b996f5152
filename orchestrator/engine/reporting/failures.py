"""The failed attempts of an experiment by stage and cause, each kind with its first error and what can be done about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.domain.states import Cause

Row = dict[str, Any]

ADVICE: Mapping[Cause, str] = {
    Cause.RAISED: "the code raised it: orc show {ref} has the whole traceback; mend it, then "
    "orc retry {experiment} --failed --accept-code",
    Cause.EXITED: "the process left by itself: orc logs {ref} has its last words",
    Cause.SIGNALLED: "SIGSEGV, SIGABRT and the like are defects in native code; SIGKILL often is the kernel short of memory "
    '(journalctl -k). Retries for it: retries = {{ max = 2, on = ["signalled"] }}',
    Cause.TIMED_OUT: "it hung, or the timeout of stage {stage} is too short for it: compare with the longest one that succeeded",
    Cause.OUT_OF_MEMORY: "raise memory of stage {stage}, let it need less, or run fewer at once (limits.max_parallel)",
    Cause.INVALID_RESULT: "it must return finite numbers, and the objective among them",
    Cause.WORKER_LOST: "its worker, its keeper or the daemon went away under it. What went down with the daemon was run again by itself; "
    'retries for the rest: retries = {{ max = 2, on = ["worker_lost"] }}',
    Cause.MACHINE_LOST: "nothing: it was run again by itself, uncounted",
}
"""What a person can do, by cause."""


def of(usage: Sequence[Row]) -> list[Row]:
    """The kinds of failures, the most frequent first. `usage` as the store has it."""
    kinds: dict[tuple[str, str], list[Row]] = {}
    for row in usage:
        if row["cause"] is not None:
            kinds.setdefault((row["stage"], row["cause"]), []).append(row)
    found = [_failure(stage, Cause(cause), rows) for (stage, cause), rows in kinds.items()]
    return sorted(found, key=lambda failure: (-failure["attempts"], failure["stage"], failure["cause"]))


def _failure(stage: str, cause: Cause, rows: Sequence[Row]) -> Row:
    first = min(rows, key=lambda row: (row["first_started_us"] is None, row["first_started_us"]))
    ref: str = first["first"]
    return {
        "stage": stage,
        "cause": str(cause),
        "attempts": sum(row["attempts"] for row in rows),
        "first": {"ref": ref, "attempt": first["first_attempt"], "error": first["error"]},
        "advice": ADVICE[cause].format(ref=ref, stage=stage, experiment=ref.partition(".")[0]),
    }
