"""`run_batch` where nobody has laid a lane, as on a cluster."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.worker import Pruned, run_batch
from orchestrator.worker.failures import LONGEST_ERROR_BYTES, shortened
from orchestrator.worker.loading import _Surroundings

CODE = """
import functools
import os
import threading
from orchestrator.worker import Pruned

def decorated(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

def plain(params): return params["x"]
@decorated
def wrapped(params, *, trial): return trial.seed
class Callable:
    def __call__(self, params, trial): return trial.repeat
instance = Callable()
number = 3
def interrupted(params): raise KeyboardInterrupt
def out_of_memory(params): raise MemoryError
def deep(params): return deep(params)
def verbose(params): raise ValueError("x" * 100000)
class Rude(Exception):
    def __str__(self): raise RuntimeError("no")
def rude(params): raise Rude
def leaves_with_text(params): raise SystemExit("bye")
def leaves_fine(params): raise SystemExit
def spends(params, trial):
    trial.cost(usd=0.5, tokens=10)
    trial.cost(usd=0.25)
    trial.artifact("model.bin")
    for step in range(3): trial.report(step, loss=1.0 / (step + 1))
    return 1
def reports_nonsense(params, trial): trial.report(1, loss=float("nan"))
def pruned(params, trial): raise Pruned("too slow")
def pruned_rudely(params, trial):
    class Rude(trial.Pruned):
        def __str__(self): raise RuntimeError
    raise Rude
def reports_from_a_fork(params, trial):
    child = os.fork()
    if child == 0:
        try:
            trial.report(1)
        except RuntimeError:
            os._exit(7)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
def keeps_from_a_fork(params, trial):
    child = os.fork()
    if child == 0:
        trial.artifact("model.bin")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
def reports_steps(params, trial):
    for step in params["steps"]: trial.report(step)
def reports_much(params, trial):
    for step in range(params["total"]): trial.report(step, x=step)
    return 1
def reports_from_threads(params, trial):
    threads = [threading.Thread(target=lambda: [trial.report(1) for _ in range(500)]) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return 1
def failing_with_scratch(params, trial):
    open(trial.scratch + "/kept", "w").close()
    raise ValueError
"""


@pytest.fixture
def workdir(tmp_path: Path) -> Iterator[Path]:
    """A folder with the workload; this process is set back to what it was afterwards."""
    before = dict(os.environ), os.getcwd(), list(sys.path)  # noqa: PTH109 - put back as it was
    (tmp_path / "workload.py").write_text(CODE)
    (tmp_path / "model.bin").write_bytes(b"12345")
    yield tmp_path
    os.environ.clear()
    os.environ.update(before[0])
    os.chdir(before[1])
    sys.path[:] = before[2]
    _Surroundings.environment = _Surroundings.workdir = None
    sys.modules.pop("workload", None)


def outcome(workdir: Path, call: str, *, count: int = 1, **parameters: Any) -> dict[str, Any]:
    """What comes of the last of `count` equal evaluations."""
    text = json.dumps(parameters)
    outcomes = run_batch(
        {
            "call": f"workload:{call}",
            "code": (None, ()),
            "stage": "main",
            "arguments": "{}",
            "environment": (("PATH", "/usr/bin:/bin"),),
            "workdir": str(workdir),
            "output_folder": str(workdir / "runs"),
            "output_limit_bytes": 1000,
            "artifact_limit_bytes": 1000,
            "lane": None,
            "evaluations": [(1, number, 1, text, 11, 12, None, 2) for number in range(1, count + 1)],
        }
    )
    assert len(outcomes) == count
    return outcomes[-1]


@pytest.mark.parametrize(("call", "value"), [("plain", 5), ("wrapped", 11), ("instance", 2)])
def test_it_calls_what_can_be_called_with_what_it_asks_for(workdir: Path, call: str, value: int) -> None:
    """Plain functions, decorated ones and objects; a parameter named trial gets the trial."""
    assert outcome(workdir, call, count=3, x=5)["metrics"] == {"value": value}


@pytest.mark.parametrize(
    ("call", "cause", "text"),
    [
        ("interrupted", "raised", "KeyboardInterrupt"),
        ("out_of_memory", "raised", "MemoryError"),
        ("deep", "raised", "RecursionError"),
        ("rude", "raised", "Rude"),
        ("leaves_with_text", "exited", "bye"),
        ("leaves_fine", "exited", "SystemExit"),
        ("reports_nonsense", "raised", "loss is nan"),
    ],
)
def test_whatever_is_raised_is_an_outcome(workdir: Path, call: str, cause: str, text: str) -> None:
    """No exception of any kind leaves run_batch."""
    ended = outcome(workdir, call)
    assert ended["cause"] == cause
    assert text in ended["error"]
    assert len(ended["error"].encode()) <= LONGEST_ERROR_BYTES


@pytest.mark.parametrize(("call", "text"), [("pruned", "too slow"), ("pruned_rudely", "RuntimeError")])
def test_an_evaluation_may_prune_itself(workdir: Path, call: str, text: str) -> None:
    """It has not failed: there is no cause, and what it said is kept."""
    ended = outcome(workdir, call)
    assert text in ended["pruned"]
    assert not {"cause", "metrics"} & ended.keys()


@pytest.mark.parametrize(
    ("step", "told"), [(1.5, "a whole number"), (-1, "from 0"), (2**63, "2^63"), ("1", "a whole number")]
)
def test_a_step_is_a_whole_number(workdir: Path, step: Any, told: str) -> None:
    """Anything else is refused where it is told."""
    assert told in outcome(workdir, "reports_steps", steps=[step])["error"]


def test_of_many_reports_evenly_spaced_ones_are_kept(workdir: Path) -> None:
    """All of the first ten thousand; of forty thousand and one every eighth."""
    assert len(outcome(workdir, "reports_much", total=10_000)["reports"]) == 10_000
    kept = [report["step"] for report in outcome(workdir, "reports_much", total=40_001)["reports"]]
    assert kept == list(range(0, 40_001, 8))


def test_threads_of_one_evaluation_may_report_at_once(workdir: Path) -> None:
    """No number is given twice."""
    reports = outcome(workdir, "reports_from_threads")["reports"]
    assert sorted(report["number"] for report in reports) == list(range(4000))


def test_a_fork_of_the_evaluation_cannot_report(workdir: Path) -> None:
    """It would write over what the evaluation writes."""
    assert outcome(workdir, "reports_from_a_fork")["metrics"] == {"value": 7}


def test_a_fork_of_the_evaluation_keeps_nothing_and_ends(workdir: Path) -> None:
    """A forked process that may not keep an artifact ends with status 1 when it lets the error pass, and no file is kept."""
    assert outcome(workdir, "keeps_from_a_fork")["metrics"] == {"value": 1}
    assert list(workdir.rglob("*.artifacts")) == []


def test_exit_statuses_are_those_of_a_process(workdir: Path) -> None:
    """Text means 1 and nothing means 0, as in a process of its own."""
    assert outcome(workdir, "leaves_with_text")["exit_status"] == 1
    assert outcome(workdir, "leaves_fine")["exit_status"] == 0


def test_a_long_error_keeps_its_beginning_and_its_end(workdir: Path) -> None:
    """Cut in the middle to 16 KiB."""
    error = outcome(workdir, "verbose")["error"]
    assert error.startswith("Traceback")
    assert "bytes left out" in error
    assert error.endswith("x")
    assert len(shortened("ü" * 50_000).encode()) <= LONGEST_ERROR_BYTES


@pytest.mark.parametrize("call", ["missing", "number"])
def test_what_is_not_there_or_no_function_fails_as_an_import(workdir: Path, call: str) -> None:
    """All evaluations of the batch say that nothing can run."""
    assert outcome(workdir, call, count=2)["import_failed"] is True


def test_what_a_trial_is_told_comes_with_the_outcome(workdir: Path) -> None:
    """Costs add up, artifacts have a size and are copied, reports keep their order."""
    ended = outcome(workdir, "spends")
    assert ended["cost"] == {"usd": 0.75, "tokens": 10}
    assert ended["artifacts"] == [{"name": "model.bin", "bytes": 5, "kept": True}]
    assert (workdir / "runs" / "1" / "1.1.artifacts" / "model.bin").stat().st_size == 5
    assert [report["step"] for report in ended["reports"]] == [0, 1, 2]


def test_the_scratch_folder_of_a_failure_is_kept(workdir: Path) -> None:
    """It may be what explains the failure."""
    outcome(workdir, "failing_with_scratch")
    assert (workdir / "runs" / "1" / "1.1.scratch" / "kept").exists()


def test_pruned_is_an_exception_of_its_own() -> None:
    """A workload that catches ValueError does not swallow it."""
    assert Pruned.__bases__ == (Exception,)
