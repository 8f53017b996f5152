"""The examples of the checkout, read as they are and run small."""

import csv
import io
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.spec.plan import plan
from orchestrator.spec.reading import read_experiment
from tests.support.daemon import ORC, private_orc
from tests.support.daemon_process import ROOT, daemon

EXAMPLES = ROOT / "examples"
END_SECONDS = 50.0

# What makes each of them short, without changing what it shows.
SMALL = {
    "compression": ['cases=["prose"]', "repeats=1", "gate.min_score=0.1"],
    "digits": ['cases=["1", "2"]', "search.variants=4", "loop.max_rounds=2"],
    "pipeline": ['space.lane=["docs"]'],
    "sort": ["repeats=1", 'space.buffer=["16M"]', "space.threads=[2]"],
}


def test_every_example_is_listed() -> None:
    """Each folder under examples has an experiment file, a README, a line in examples/README.md, and a place in these tests."""
    folders = {path.parent.name for path in EXAMPLES.glob("*/experiment.toml")}
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")

    assert folders == SMALL.keys()
    assert [name for name in sorted(folders) if not (EXAMPLES / name / "README.md").is_file()] == []
    assert [name for name in sorted(folders) if f"[{name}]({name})" not in index] == []


@pytest.mark.parametrize("name", SMALL)
def test_an_example_is_valid_and_bounded(name: str) -> None:
    """The file is read without a problem or a warning, and says beforehand that it is a few hundred evaluations at most."""
    folder = EXAMPLES / name
    read = read_experiment((folder / "experiment.toml").read_bytes(), folder=folder)

    assert read.warnings == ()
    assert 0 < (plan(read.spec).evaluations or 0) <= 300


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", SMALL)
def test_an_example_exports_the_same_bytes_under_every_executor(name: str, private_places: Path) -> None:
    """A run under sequential, thread and process slots ends succeeded with a winner, and all three export identical bytes."""
    (private_places / "d").mkdir()
    exports = []
    with daemon(private_places / "d") as running:
        for executor in ("sequential", "thread", "process"):
            overrides = [*SMALL[name], f"stage.executor={executor}"]
            experiment = running.client.submit(EXAMPLES / name / "experiment.toml", overrides=overrides)
            end = experiment.wait(timeout_seconds=END_SECONDS)
            assert end["state"] == "succeeded", experiment.logs()
            assert experiment.best() is not None
            exports.append(experiment.export())

    rows = list(csv.DictReader(io.StringIO(exports[0].decode())))
    assert rows
    assert {row["state"] for row in rows} == {"succeeded"}
    assert exports == [exports[0]] * 3


@pytest.mark.timeout(180)
def test_the_demo_runs_an_experiment_to_its_winner_and_asks_about_it() -> None:
    """It starts a daemon by itself, shows progress and the winner as a table, and what it came to answers afterwards."""
    with private_orc() as orc:
        program = orc.home / "orc"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(ORC)} "$@"\n')
        program.chmod(0o755)
        demo = subprocess.run(
            ["sh", EXAMPLES / "demo.sh"],
            env={**orc.environment, "ORC": str(program)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        assert demo.returncode == 0, demo.stderr
        assert "started a private daemon" in demo.stderr
        assert "/117 evaluations" in demo.stderr
        best = orc("best", "1", "--json").json
        assert best["params"]["codec"] == "bz2"
        assert f"{best['ref']}  " in demo.stdout
        assert "succeeded in" in demo.stdout
        assert "├─ 1.1.1 main sources  succeeded" in demo.stdout
        answers = [orc(*words.split()) for words in ("ls", "show 1.3", "logs 1.3.1", "export 1 --format csv", "why 1")]
    assert [(answer.status, bool(answer.out)) for answer in answers] == [(0, True)] * 5
    assert answers[3].out.count("\n") == 118


def test_sort_reads_the_same_files_at_every_call() -> None:
    """The list of files that the sort example feeds to GNU sort is the same twice, and every file is there."""
    script = EXAMPLES / "sort" / "files.py"
    first, second = (subprocess.run([sys.executable, script], capture_output=True, check=True).stdout for _ in range(2))

    assert first == second
    assert [name for name in first.decode().split("\0")[:-1] if not Path(name).is_file()] == []
