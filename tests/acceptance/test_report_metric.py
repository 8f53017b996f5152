"""`orc report-metric`."""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from tests.support.daemon import ROOT, Orc

SCRIPT = """#!/bin/sh
set -e
orc() {{ PYTHONPATH={root} {python} -P -c 'import sys; from orchestrator.cli.main import main; sys.exit(main())' "$@"; }}
{body}
"""
TO_THE_END = """
orc report-metric --step 1 loss=0.{0}
orc report-metric --step 2 loss=0.{0} seen=20 --json
orc report-metric --usd 0.25 --tokens 10
while [ ! -e gate ]; do sleep 0.01; done
echo "{{\\"loss\\": 0.{0}}}"
"""
OUTLIVES = """
orc report-metric --step 1 loss=0.{0}
while [ ! -e gate ]; do sleep 0.01; done
orc report-metric --step 2 loss=0.{0}
echo "{{\\"loss\\": 0.{0}}}"
"""
STALE = """
ORC_ATTEMPT=7 orc report-metric --step 1 loss=1 || echo "status $?"
orc report-metric --step one loss=1 || echo "status $?"
orc report-metric --step 1 loss=much || echo "status $?"
orc report-metric loss=1 || echo "status $?"
orc report-metric --step 1 loss=nan || echo "status $?"
"""


def experiment(orc: Orc, body: str, *, more: str = "") -> Path:
    """A folder with a shell script that is run for x = 1, 2, 9, one after the other; {0} in it is x."""
    folder = Path(tempfile.mkdtemp(dir=orc.home, prefix="script-"))
    script = folder / "measure.sh"
    script.write_text(SCRIPT.format(root=ROOT, python=sys.executable, body=body.format("$1")))
    script.chmod(0o755)
    text = f'objective = {{ metric = "loss" }}\n{more}\n[limits]\nmax_parallel = 1\n[stage]\ncommand = ["./measure.sh", "{{x}}"]\n'
    (folder / "experiment.toml").write_text(f"{text}[space]\nx = [1, 2, 9]\n")
    return folder


def submit(orc: Orc, folder: Path) -> str:
    """Its ref."""
    submitted = orc("submit", str(folder))
    assert submitted.status == 0, submitted.err
    return submitted.out.strip()


def test_a_shell_script_tells_how_far_it_is(orc: Orc) -> None:
    """The report is shown while the script runs, with the progress; what it cost is summed up."""
    folder = experiment(orc, TO_THE_END)
    ref = submit(orc, folder)
    with orc.begin("events", "-f", "--since", "0") as events:
        assert events.stdout is not None
        last = next(
            line
            for line in map(json.loads, events.stdout)
            if line["kind"] == "reported" and line["ref"] == ref and line["steps"] == [2]
        )
    assert last["refs"] == [f"{ref}.1.1"]
    running = orc("show", f"{ref}.1.1", "--json").json
    assert (running["state"], [report["step"] for report in running["reports"]]) == ("running", [1, 2])
    assert running["reports"][1]["metrics"] == {"loss": 0.1, "seen": 20}
    assert "step 2" in orc("show", f"{ref}.1.1").out
    (folder / "gate").touch()
    assert orc("wait", ref, "--timeout", "30").status == 0
    ended = orc("show", ref, "--json").json
    assert (ended["cost_usd"], ended["tokens"]) == (0.75, 30)


def test_a_script_that_is_pruned_is_killed(orc: Orc) -> None:
    """By the threshold of the file: its variant says so everywhere, the others are evaluated."""
    rule = '[prune]\nrule = "threshold"\nop = "<="\nthreshold = 0.5\nfrom_step = 2'
    folder = experiment(orc, TO_THE_END, more=rule)
    ref = submit(orc, folder)
    (folder / "gate").touch()
    assert orc("wait", ref, "--timeout", "40").status == 0
    variants = orc("show", ref, "--json").json["variants"]
    assert [(each["state"], each["rule"]) for each in variants] == [
        ("evaluated", None),
        ("evaluated", None),
        ("pruned", "threshold"),
    ]
    message = "pruned by threshold at step 2: 0.9 against 0.5"
    assert message in orc("why", f"{ref}.3").out
    assert message not in orc("why", f"{ref}.2").out
    assert message in orc("show", f"{ref}.3.1").out
    assert message in orc("explain", f"{ref}.3").out
    assert "3.1,3,main,,1,cancelled,pruned," in orc("export", ref, "--format", "csv").out
    iteration = orc("show", f"{ref}.3.1", "--json").json
    assert iteration["attempts"][0]["wall_seconds"] > 0


def test_what_is_wrong_with_a_report_is_said_and_nothing_is_recorded(orc: Orc) -> None:
    """An attempt that is over is refused with status 5, everything else that is wrong with status 2."""
    folder = experiment(orc, STALE + "echo '{{\"loss\": 1}}'")
    ref = submit(orc, folder)
    assert orc("wait", ref, "--timeout", "40").status == 0
    logs = orc("logs", f"{ref}.1.1")
    printed = logs.out + logs.err
    assert [line for line in printed.splitlines() if line.startswith("status")] == ["status 5"] + ["status 2"] * 4
    assert "attempt 7 of" in printed
    assert orc("show", f"{ref}.1.1", "--json").json["reports"] == []
    assert orc("report-metric", "--step", "1", "loss=1").status == 2
    late = orc("report-metric", "--ref", f"{ref}.1.1", "--step", "1", "loss=1", "--json")
    assert (late.status, late.error["code"]) == (5, "conflict")
    assert orc("report-metric", "--ref", "999999.1.1", "--step", "1", "loss=1").status == 2


def test_a_command_goes_on_reporting_to_the_next_daemon(own_orc: Orc) -> None:
    """It outlives a `kill -9` of the daemon: what it reported before and after is of one attempt."""
    rule = '[prune]\nrule = "threshold"\nop = "<="\nthreshold = 0.5\nfrom_step = 9'
    folder = experiment(own_orc, OUTLIVES, more=rule)
    ref = submit(own_orc, folder)
    with own_orc.begin("events", "-f", "--since", "0") as events:
        assert events.stdout is not None
        assert any(json.loads(line)["kind"] == "reported" for line in events.stdout)
    os.kill(own_orc("status", "--json").json["pid"], signal.SIGKILL)
    assert own_orc("status").status == 0
    (folder / "gate").touch()
    assert own_orc("wait", ref, "--timeout", "35").status == 0
    shown = own_orc("show", f"{ref}.1.1", "--json").json
    assert [attempt["end"] for attempt in shown["attempts"]] == ["succeeded"]
    assert [report["step"] for report in shown["reports"]] == [1, 2]
