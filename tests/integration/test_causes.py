"""Every cause of a failed attempt, made to happen in a real daemon, as a person sees it in `orc show`, `orc logs` and `orc report`."""

import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.daemon import ROOT, Orc, line_with, open_gate, private_orc, wait_until_gone

ENDINGS = ROOT / "tests" / "fixtures" / "acceptance" / "endings.py"
EATING = "print('about to end', flush=True); held = bytearray(1 << 30); held[::4096] = bytes(1 << 18)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How to make an evaluation end, and what is to be said of it."""

    stage: str
    cause: str
    words: str
    how: str = ""
    exit_status: int | None = None
    prints: str = "about to end"


def calling(how: str, cause: str, words: str, *, more: str = "", exit_status: int | None = None) -> Ending:
    """A callable of the fixture that ends this way."""
    return Ending(
        stage=f'call = "endings:evaluate"\n{more}', cause=cause, words=words, how=how, exit_status=exit_status
    )


def commanding(script: str, cause: str, words: str, *, more: str = "", exit_status: int | None = None) -> Ending:
    """A shell command that ends this way after having printed a line."""
    stage = f'command = ["sh", "-c", "echo about to end; {script}"]\n{more}'
    return Ending(stage=stage, cause=cause, words=words, exit_status=exit_status)


CALLS = {
    "a callable raises": calling("raised", "raised", "ValueError: three is too much"),
    "a callable raises MemoryError without a limit": calling("raised_memory_error", "raised", "MemoryError"),
    "a callable leaves its process": calling("left", "exited", "left with exit status 3", exit_status=3),
    "a callable raises SystemExit": calling("left_by_system_exit", "exited", "SystemExit('no data')", exit_status=1),
    "a callable crashes": calling("signalled", "signalled", "killed by SIGSEGV", exit_status=-signal.SIGSEGV),
    "a callable hangs": calling("hung", "timed_out", "longer than its timeout of 0.3 s", more='timeout = "300ms"'),
    "a callable takes too much memory": calling(
        "eats", "out_of_memory", "128 MiB", more='memory = "128MiB"', exit_status=None
    ),
    "an isolated callable takes too much memory": calling(
        "eats", "out_of_memory", "128 MiB", more='memory = "128MiB"\nexecutor = "isolated"', exit_status=-signal.SIGKILL
    ),
    "an isolated callable raises": calling("raised", "raised", "three is too much", more='executor = "isolated"'),
    "a callable in a thread leaves its process": calling(
        "left", "exited", "left with exit status 3", more='executor = "thread"', exit_status=3
    ),
    "a callable returns nan": calling("not_a_number", "invalid_result", "nan"),
    "a callable breaks its worker": calling("broken_worker", "worker_lost", "its process could not go on"),
}
COMMANDS = {
    "a command fails": commanding("exit 4", "exited", "exited with status 4", exit_status=4),
    "a command is killed": commanding("kill -9 $$", "signalled", "killed by SIGKILL", exit_status=-signal.SIGKILL),
    "a command hangs": commanding(
        "sleep 600", "timed_out", "ran longer than 0.3 s", more='timeout = "300ms"', exit_status=-signal.SIGTERM
    ),
    "a command prints nonsense": commanding(
        "echo '{{\\\"height\\\": NaN}}'", "invalid_result", "height", exit_status=0
    ),
    "a command kills its keeper": Ending(
        stage='command = ["sh", "-c", "kill -9 $PPID; sleep 600"]', cause="worker_lost", words="the keeper", prints=""
    ),
    "a command takes too much memory": Ending(
        stage=f'command = ["{sys.executable}", "-c", "{EATING}"]\nmemory = "128MiB"',
        cause="out_of_memory",
        words="128 MiB",
        exit_status=-signal.SIGKILL,
    ),
}


@pytest.fixture(scope="module")
def orc() -> Iterator[Orc]:
    """One daemon for all of them: no ending of an evaluation ends it."""
    with private_orc() as shared:
        yield shared


def write(orc: Orc, name: str, stage: str, *, space: str = "") -> Path:
    """A folder with the fixture and an experiment of one stage."""
    folder = orc.home / name.replace(" ", "-").replace("'", "")
    folder.mkdir()
    (folder / "endings.py").write_bytes(ENDINGS.read_bytes())
    head = 'objective = { metric = "height" }\n'
    (folder / "experiment.toml").write_text(f"{head}[stage]\n{stage}\n[space]\n{space or 'x = [1]'}\n")
    return folder


def submit(orc: Orc, folder: Path) -> str:
    """The ref of a new experiment that has ended."""
    submitted = orc("submit", str(folder))
    assert submitted.status == 0, submitted.err
    ref = submitted.out.strip()
    orc("wait", ref, "--timeout", "30")
    return ref


@pytest.mark.parametrize("name", [*CALLS, *COMMANDS])
def test_an_end_is_named_and_explained(orc: Orc, name: str) -> None:
    """Its cause, its exit status and a sentence are shown, what it had printed is kept, and the report says what can be done."""
    ending = (CALLS | COMMANDS)[name]
    folder = write(orc, name, ending.stage, space=f'how = ["{ending.how}"]' if ending.how else "")
    ref = submit(orc, folder)
    iteration = orc("show", f"{ref}.1.1", "--json").json
    (attempt,) = iteration["attempts"]

    assert (iteration["state"], iteration["cause"]) == ("failed", ending.cause), iteration
    assert ending.words in attempt["error"]
    assert attempt["exit_status"] == ending.exit_status
    assert ending.cause in orc("show", ref).out
    assert ending.words in orc("show", f"{ref}.1.1").out
    assert ending.prints in orc("logs", f"{ref}.1.1").out
    (failure,) = orc("report", ref, "--json").json["failures"]
    assert (failure["cause"], failure["attempts"], failure["first"]["ref"]) == (ending.cause, 1, f"{ref}.1.1")
    assert f"1 attempt {ending.cause}" in orc("report", ref).out


def test_innocents_in_a_dead_batch_are_never_charged(orc: Orc) -> None:
    """Of two thousand short evaluations twenty kill their process: those have failed, and every other one succeeds as its first attempt."""
    stage = 'call = "endings:mostly_harmless"'
    ref = submit(orc, write(orc, "harmless", stage, space="x = { low = 1, high = 2000, step = 1 }"))
    document = orc("show", ref, "--json").json
    rows = {variant["params"]["x"]: variant["iterations"][0] for variant in document["variants"]}

    assert {x for x, row in rows.items() if row["state"] != "succeeded"} == set(range(100, 2001, 100))
    assert {row["attempt"] for row in rows.values()} == {1}
    assert {rows[x]["cause"] for x in range(100, 2001, 100)} == {"signalled"}
    assert document["usage"]["attempts"] == 2000


@pytest.mark.parametrize("executor", ["process", "thread", "isolated"])
def test_poison_is_stopped(orc: Orc, executor: str) -> None:
    """What kills its process every time is tried three times however many retries it has, and says why no more."""
    stage = f'call = "endings:evaluate"\nexecutor = "{executor}"\nretries = {{ max = 10 }}'
    ref = submit(orc, write(orc, f"poison in {executor}", stage, space='how = ["signalled"]'))
    iteration = orc("show", f"{ref}.1.1", "--json").json

    assert [(each["end"], each["cause"]) for each in iteration["attempts"]] == [("failed", "signalled")] * 3
    assert "its process has died 3 times: it is not tried again" in orc("show", f"{ref}.1.1").out


@pytest.mark.parametrize(
    ("rebooted", "cause", "what"), [(False, "worker_lost", "daemon"), (True, "machine_lost", "machine")]
)
def test_what_went_down_is_named_and_run_again(rebooted: bool, cause: str, what: str) -> None:
    """What ran when the daemon or the machine went down failed for that, is not charged for it, and succeeds the next time."""
    with private_orc() as orc:
        folder = write(orc, "held", 'call = "endings:held"')
        ref = orc("submit", str(folder)).out.strip()
        _until_it_runs(orc)
        pid = orc.pid()
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
        if rebooted:
            with closing(sqlite3.connect(orc.state / "orchestrator.db")) as database, database:
                database.execute("UPDATE meta SET value = 'of another boot' WHERE key = 'boot_id'")
        open_gate(folder)
        assert orc("wait", ref, "--timeout", "30").status == 0
        first, second = orc("show", f"{ref}.1.1", "--json").json["attempts"]

        assert (first["end"], first["cause"], second["end"]) == ("failed", cause, "succeeded")
        assert first["error"] == f"the {what} went down while it ran"
        assert cause in orc("report", ref).out


def _until_it_runs(orc: Orc) -> None:
    """Return once something has been sent to run."""
    with orc.begin("events", "-f", "--since", "0") as following:
        line_with(following.stdout, "iterations_started")
