"""The gates over tools that misbehave: programs that stand in the checkout under the tool's name, and run in its place."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.workloads.pipeline import checks, suites
from orchestrator.workloads.pipeline.failures import GarbledReport, ToolBroken, ToolTimedOut
from tests.support.pipeline_project import project, table, trial_of

DEADLINE_SECONDS = 20.0


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return project(tmp_path / "good", good=True)


def scripted(checkout: Path, tool: str, *lines: str) -> None:
    """A program in the checkout that runs instead of the tool, as `python -m` finds it first."""
    (checkout / f"{tool}.py").write_text("\n".join(("import os, subprocess, sys, time", *lines)), encoding="utf-8")


def test_a_report_of_an_earlier_run_counts_for_nothing(good: Path) -> None:
    """A tool that ends well without writing its report raises, although an old report lies where it belongs."""
    trial = trial_of(good, "lint")
    Path(trial.scratch, "ruff.report").write_text("[]", encoding="utf-8")
    scripted(good, "ruff", "print('all is well')")

    with pytest.raises(ToolBroken, match=r"wrote no report ruff\.report; its last words: all is well"):
        checks.lint({}, trial)


@pytest.mark.parametrize(
    ("lines", "kind", "message"),
    [
        (["sys.exit(2)"], ToolBroken, r"mypy ended with status 2 and reports nothing: it said nothing"),
        (["sys.stderr.write('boom')", "sys.exit(3)"], ToolBroken, r"mypy ended with status 3: boom"),
        (
            ["print('Traceback: boom')", "sys.exit(1)"],
            GarbledReport,
            r"not JSON.*status 1, last words: Traceback: boom",
        ),
        (["os.kill(os.getpid(), 9)"], ToolBroken, r"status -9: it said nothing"),
    ],
)
def test_a_tool_that_breaks_down_is_no_verdict(
    good: Path, lines: list[str], kind: type[Exception], message: str
) -> None:
    """A status and a report that do not go together, and a report nobody can read, raise with what the tool said last."""
    scripted(good, "mypy", *lines)

    with pytest.raises(kind, match=message):
        checks.types({}, trial_of(good, "types"))


@pytest.fixture
def witness(good: Path) -> Iterator[int]:
    """A pipe whose writing end the tool's own child holds: it hangs up when that child is gone."""
    os.mkfifo(good / "witness")
    reading = os.open(good / "witness", os.O_RDONLY | os.O_NONBLOCK)
    yield reading
    os.close(reading)


def test_a_tool_that_is_too_slow_is_killed_with_all_it_started(good: Path, witness: int) -> None:
    """At the lane's timeout the gate raises, and a grandchild that ignores SIGTERM is gone too."""
    child = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    scripted(
        good,
        "ruff",
        "held = os.open('witness', os.O_WRONLY)",
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], pass_fds=[held], stdout=held)",
        "os.close(held)",
        "child.wait()",
    )
    lanes = table(good, ('timeout = "45s"', 'timeout = "1s"'))

    with pytest.raises(ToolTimedOut, match="ruff had not ended after 1 s"):
        checks.lint({}, trial_of(good, "lint", lanes=lanes))
    assert read_all(witness) == b"up\n"


def read_all(reading: int) -> bytes:
    """What was written until nobody holds the other end."""
    text = b""
    while select.select([reading], (), (), DEADLINE_SECONDS)[0]:
        part = os.read(reading, 100)
        if not part:
            return text
        text += part
    raise AssertionError("somebody still holds the pipe")


def test_a_tool_can_be_interrupted_by_ctrl_c(good: Path) -> None:
    """A tool does not inherit that its worker ignores SIGINT."""
    scripted(good, "mypy", "import signal", "sys.stderr.write(str(signal.getsignal(signal.SIGINT)))", "sys.exit(5)")
    script = (
        "import signal, sys; from pathlib import Path; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "from orchestrator.workloads.pipeline import types; from tests.support.pipeline_project import trial_of;"
        "types({}, trial_of(Path(sys.argv[1]), 'types'))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, good], cwd=root, capture_output=True, text=True, check=False, timeout=30
    )

    assert "default_int_handler" in done.stderr


def test_pytest_without_a_test_is_no_pass(good: Path) -> None:
    """A run that found no test raises instead of passing."""
    (good / "tests" / "test_calc.py").write_text("", encoding="utf-8")

    with pytest.raises(ToolBroken, match="found no test"):
        suites.integration({}, trial_of(good, "integration", paths=["tests"]))


def test_pytest_that_fails_for_another_reason_is_no_verdict(good: Path) -> None:
    """An exit status that the report does not explain raises."""
    (good / "conftest.py").write_text(
        "def pytest_sessionfinish(session):\n    session.exitstatus = 1\n", encoding="utf-8"
    )

    with pytest.raises(ToolBroken, match="status 1, its report has 0 failures"):
        suites.integration({}, trial_of(good, "integration", paths=["tests"]))
