"""From the keeper's words to an outcome."""

from functools import partial
from typing import Any

import pytest

from orchestrator.domain.evaluation import Batch, Evaluation, Job
from orchestrator.domain.outcome import AttemptEnd
from orchestrator.domain.refs import ExperimentId
from orchestrator.domain.states import Cause
from orchestrator.executors.command_attempts import attempts_of
from orchestrator.executors.command_outcomes import lost
from orchestrator.executors.command_outcomes import outcome_of as outcome_with
from orchestrator.executors.searchers import Searchers

JOB = Job(
    experiment=ExperimentId(12),
    stage="main",
    command=("run", "{x}", "{y}"),
    environment=(("PATH", "/usr/bin"),),
    arguments_json='{"x": 1, "y": 2}',
    workdir="/srv",
    timeout_seconds=2.5,
    output_folder="/runs/12",
)
EVALUATION = Evaluation(
    variant=3, iteration=1, attempt=2, parameters_json='{"x": 5}', seed=7, shared_seed=8, case=None, repeat=1
)
(ATTEMPT,) = attempts_of(Batch(job=JOB, evaluations=(EVALUATION,)))


outcome_of = partial(outcome_with, searchers=Searchers())
INVALID = Cause.INVALID_RESULT


def ended(**facts: Any) -> dict[str, Any]:
    """A message of an end with status 0."""
    known = {"status": 0, "pid": 9, "start_ticks": 10, "started_us": 1, "finished_us": 2, "wall_seconds": 0.5}
    more = {"cpu_seconds": 0.25, "max_rss_bytes": 4096, "output_bytes": 3, "timed_out": False, "killed": False}
    texts = dict.fromkeys(("problem", "result", "last_line", "errors", "scratch"))
    return {**known, **more, **texts, **facts}


def problem(kind: str, path: str, number: int) -> dict[str, Any]:
    """A message that nothing could be started."""
    return ended(status=None, problem={"kind": kind, "path": path, "errno": number, "message": "message"})


def test_an_attempt_is_named_by_ref_and_number_and_a_parameter_hides_an_argument() -> None:
    """Its files stand in the variant's folder."""
    assert (ATTEMPT.token, ATTEMPT.out, ATTEMPT.err) == ("12.3.1.2", "/runs/12/3/1.2.out", "/runs/12/3/1.2.err")
    assert ATTEMPT.run["argv"] == ["run", "5", "2"]
    assert ATTEMPT.run["environment"]["ORC_CASE"] == ""
    assert "ORC_SOCKET" not in ATTEMPT.run["environment"]


def test_how_long_it_has_waited_is_left_with_the_keeper() -> None:
    """It goes with what is sent and comes back with the end; where it is not known, or an older keeper does not tell, nobody makes it up."""
    (sent,) = attempts_of(Batch(job=JOB, evaluations=(EVALUATION,), waited=(1.5,)))
    told = [ended(queue_seconds=1.5), ended(queue_seconds=None), ended()]

    assert (sent.run["queue_seconds"], ATTEMPT.run["queue_seconds"]) == (1.5, None)
    assert [outcome_of(JOB, ATTEMPT, ended=one).usage.queue_seconds for one in told] == [1.5, None, None]
    assert lost(ended(queue_seconds=1.5)).usage.queue_seconds == 1.5


def test_the_measured_numbers_are_the_keepers() -> None:
    """All of them."""
    usage = outcome_of(JOB, ATTEMPT, ended=ended()).usage
    assert (usage.pid, usage.start_ticks, usage.started_us, usage.finished_us) == (9, 10, 1, 2)
    assert (usage.wall_seconds, usage.cpu_seconds, usage.max_rss_bytes, usage.output_bytes) == (0.5, 0.25, 4096, 3)


@pytest.mark.parametrize(
    ("message", "cause", "status", "words"),
    [
        (ended(status=0, timed_out=True), Cause.TIMED_OUT, 0, "longer than 2.5 s"),
        (ended(status=-15, timed_out=True), Cause.TIMED_OUT, -15, "longer than 2.5 s"),
        (ended(status=-9), Cause.SIGNALLED, -9, "out of memory"),
        (ended(status=-60), Cause.SIGNALLED, -60, "signal 60"),
        (ended(status=1, errors="a\nb\n"), Cause.EXITED, 1, "status 1\na\nb"),
        (ended(status=127), Cause.EXITED, 127, "was not found"),
        (ended(status=126), Cause.EXITED, 126, "could not be executed"),
        (ended(status=139), Cause.EXITED, 139, "SIGSEGV"),
        (ended(result="x"), Cause.INVALID_RESULT, 0, "ORC_RESULT"),
        (
            ended(too_long={"kind": "result", "bytes": 1500000, "limit_bytes": 1 << 20}),
            INVALID,
            0,
            "at most 1,048,576 bytes",
        ),
        (
            ended(too_long={"kind": "last_line", "bytes": 300000, "limit_bytes": 1 << 18}),
            INVALID,
            0,
            "is 300,000 bytes long",
        ),
        (problem("program", "tool", 2), Cause.EXITED, 127, "'tool' is in no folder of PATH=/usr/bin"),
        (problem("program", "./tool", 2), Cause.EXITED, 127, "./tool"),
        (problem("program", "./tool", 13), Cause.EXITED, 126, "./tool"),
        (problem("program", "./tool", 7), Cause.EXITED, 126, "$ORC_PARAMS"),
        (problem("program", "./tool", 8), Cause.EXITED, 126, "#!/bin/sh"),
        (problem("workdir", "/gone", 2), Cause.EXITED, 126, "/gone"),
        (problem("files", "/full", 28), Cause.WORKER_LOST, None, "/full"),
        (problem("process", "tool", 11), Cause.WORKER_LOST, None, "message"),
    ],
)
def test_every_way_to_fail_has_its_cause_and_its_words(
    message: dict[str, Any], cause: Cause, status: int | None, words: str
) -> None:
    """What the experiment did wrong is told apart from what the machine did."""
    outcome = outcome_of(JOB, ATTEMPT, ended=message)
    assert (outcome.end, outcome.cause, outcome.exit_status) == (AttemptEnd.FAILED, cause, status)
    assert words in (outcome.error or "")


def test_only_the_last_lines_of_the_errors_are_shown() -> None:
    """Twenty of them."""
    text = "\n".join(map(str, range(100)))
    shown = (outcome_of(JOB, ATTEMPT, ended=ended(status=1, errors=text)).error or "").splitlines()
    assert shown[1:] == [str(number) for number in range(80, 100)]


def test_what_was_lost_keeps_its_identity() -> None:
    """The process is known, its numbers are not."""
    outcome = lost({"started_us": 1, "pid": 9, "start_ticks": 10})
    assert (outcome.cause, outcome.usage.pid, outcome.usage.wall_seconds) == (Cause.WORKER_LOST, 9, None)
