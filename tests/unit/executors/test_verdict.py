"""What is said of a batch whose process has died."""

import signal
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.evaluation import BatchResult
from orchestrator.domain.outcome import AttemptEnd, Outcome, Usage
from orchestrator.domain.states import Cause
from orchestrator.executors.verdict import Death, signal_text, verdict

DONE = Outcome(end=AttemptEnd.SUCCEEDED, metrics={"value": 1})
CRASH = Death(exit_status=-signal.SIGSEGV, executing=1)


def cause(death: Death) -> Cause | None:
    """Why the second of three failed; None when it is innocent."""
    result = verdict(3, finished={0: DONE}, death=death)
    assert result.outcomes[0] == DONE
    assert result.unstarted == (2,)
    if result.interrupted:
        assert result.interrupted == (1,)
        return None
    return result.outcomes[1].cause


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Cause.SIGNALLED),
        ({"exit_status": 3}, Cause.EXITED),
        ({"exit_status": 0}, Cause.EXITED),
        ({"exit_status": None}, Cause.WORKER_LOST),
        ({"killed": True, "overdue": 1, "timeout_seconds": 2.0}, Cause.TIMED_OUT),
        ({"killed": True}, None),
        ({"killed": True, "overdue": 0, "timeout_seconds": 2.0}, None),
        ({"killed": True, "broke": "OSError"}, Cause.WORKER_LOST),
        ({"suspects": 2}, None),
        ({"suspects": 2, "exit_status": None}, None),
        ({"suspects": 2, "broke": "OSError"}, Cause.WORKER_LOST),
        ({"suspects": 0}, None),
    ],
)
def test_the_one_that_executed_is_charged_when_it_did_it(changes: dict[str, Any], expected: Cause | None) -> None:
    """By signal, exit, timeout, or not at all when we killed it for another's sake or when several may have done it."""
    assert cause(replace(CRASH, **changes)) is expected


def test_what_an_interrupted_one_had_used_is_told() -> None:
    """Time that was spent is on record also when nothing came of it."""
    used = Usage(wall_seconds=7.0)
    death = replace(CRASH, killed=True, usage=used)
    assert verdict(3, finished={0: DONE}, death=death).used == {1: used}


def test_a_death_between_evaluations_charges_nobody() -> None:
    """What was not begun can be sent again."""
    death = Death(exit_status=-9, executing=None)
    assert verdict(2, finished={0: DONE}, death=death) == BatchResult(outcomes={0: DONE}, unstarted=(1,))


def test_a_finished_evaluation_is_never_charged() -> None:
    """Also when the journal still says that it executes."""
    death = Death(exit_status=-9, executing=0)
    assert verdict(1, finished={0: DONE}, death=death) == BatchResult(outcomes={0: DONE})


def test_a_death_while_importing_says_so() -> None:
    """The text names what was being imported."""
    result = verdict(1, finished={}, death=Death(exit_status=1, executing=0, loading="model:evaluate"))
    assert "model:evaluate was being imported" in (result.outcomes[0].error or "")


def test_signals_are_named() -> None:
    """Known ones by name, unknown ones by number, and SIGKILL with its usual reason."""
    assert signal_text(signal.SIGSEGV) == "SIGSEGV (Segmentation fault)"
    assert "memory" in signal_text(signal.SIGKILL)
    assert signal_text(63) == "signal 63"
