"""Declared patterns are searched for in processes of their own: one that would take for ever costs its own evaluation only."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import anyio
import psutil  # type: ignore[import-untyped]
import pytest

from orchestrator.domain.states import Cause
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.searchers import Searchers
from orchestrator.worker.commands import InvalidMetrics
from tests.support.commands import batch_of, evaluation_of, isolated, job_of, only
from tests.support.executors import children

ROOT = Path(__file__).parents[2]
ENDLESS = "^(?:a+)+b([0-9]*)"
PRINTS = ["printf", "a" * 32 + "!\\nratio=2.5\\n"]
RATIO = ("ratio", r"ratio=([\d.]+)")


def searchers_about() -> list[int]:
    """The processes that search for this one."""
    alive = (psutil.Process(pid) for pid in children())
    return [child.pid for child in alive if "orchestrator.worker.pattern_search" in child.cmdline()]


@pytest.fixture
def output(tmp_path: Path) -> str:
    """A file with a ratio in it, after what an endless pattern stumbles over."""
    (tmp_path / "out").write_text("a" * 32 + "!\nratio=1\nratio=2.5\n", encoding="ascii")
    return str(tmp_path / "out")


@pytest.mark.asyncio
async def test_a_pattern_that_would_take_for_ever_is_an_invalid_result_and_nobody_else_waits_for_it(
    tmp_path: Path,
) -> None:
    """While it is searched for, other commands run and end; the error names the metric, its pattern and the limit."""
    async with isolated(tmp_path) as executor:
        ended: list[str] = []

        async def run(name: str, *patterns: tuple[str, str], variant: int) -> None:
            job = job_of(tmp_path, PRINTS, metric_patterns=patterns)
            outcome = only(await executor.run(batch_of(job, evaluation_of(variant=variant)), StopSwitch()))
            ended.append(name)
            if name == "other":
                assert outcome.metrics == {"ratio": 2.5}
                return
            assert outcome.cause is Cause.INVALID_RESULT
            assert outcome.error == (
                f"metric 'r': searching the output for {ENDLESS} takes more than 2 s of processor time"
            )

        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: run("endless", RATIO, ("r", ENDLESS), variant=1))
                for variant in range(2, 6):
                    await run("other", RATIO, variant=variant)
        assert ended == ["other"] * 4 + ["endless"]
        await executor.retire(12)
        assert searchers_about() == []
    assert searchers_about() == []


def test_a_searcher_is_used_again_and_replaced_when_somebody_ends_it(output: str) -> None:
    """The same process answers the next request; with another one in its place nobody notices."""
    searchers = Searchers()
    try:
        assert searchers.metrics([RATIO, ("first", r"\Aa+!\nratio=(\d)")], output) == {"ratio": 2.5, "first": 1}
        (pid,) = searchers_about()
        assert searchers.metrics([RATIO], output) == {"ratio": 2.5}
        assert searchers_about() == [pid]
        os.kill(pid, signal.SIGKILL)
        assert searchers.metrics([RATIO], output) == {"ratio": 2.5}
        assert pid not in searchers_about()
    finally:
        searchers.close()
    assert searchers_about() == []


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        ([RATIO, ("m", "loss=(.*)")], "'m': nothing in the output matches"),
        ([("m", "(!)"), RATIO], "'m' is \"!\", not a number"),
        ([("m", "(" * 5000)], "'m'"),
        ([("m", "((?:.|\n)(?:.|\n)?)*(nothing)")], "'m': searching|GiB"),
    ],
    ids=["no match", "no number", "no expression", "endless"],
)
def test_what_a_pattern_does_not_find_is_told_and_the_searcher_goes_on(
    output: str, patterns: list[tuple[str, str]], words: str
) -> None:
    """The next request is answered."""
    searchers = Searchers()
    try:
        with pytest.raises(InvalidMetrics, match=words):
            searchers.metrics(patterns, output)
        assert searchers.metrics([RATIO], output) == {"ratio": 2.5}
        assert len(searchers_about()) == 1
        with pytest.raises(InvalidMetrics, match="nothing in the output matches"):
            searchers.metrics([RATIO], output + ".gone")
    finally:
        searchers.close()


def test_a_searcher_whose_daemon_has_died_ends_by_itself(output: str) -> None:
    """At once when it waits; when its time is over while it searches."""
    command = [sys.executable, "-S", "-s", "-m", "orchestrator.worker.pattern_search"]
    request = json.dumps({"path": output, "patterns": [["r", ENDLESS]]}) + "\n"
    for told, status in (("", 0), (request, -signal.SIGPROF)):
        began = time.monotonic()
        ended = subprocess.run(command, input=told, capture_output=True, text=True, cwd=ROOT, check=False, timeout=20)
        assert (ended.returncode, ended.stdout) == (status, "")
        assert time.monotonic() - began < 15
