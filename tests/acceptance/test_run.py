"""`orc run`."""

import json
import os
import signal
import sys
import venv

import pytest

from tests.support.daemon import Orc, line_with, open_gate, wait_until_gone


def test_a_run_ends_with_its_result(orc: Orc) -> None:
    """The winner is in the table, the last line is the result, and the status 0."""
    ran = orc("run", str(orc.experiment()))
    assert ran.status == 0
    table, last = ran.out.splitlines()[:-1], ran.out.splitlines()[-1]
    assert [line.split() for line in table][1][1:] == ["2", "0", "2"]
    assert "succeeded" in last
    assert "3 evaluations" in last


def test_overrides_change_what_runs(orc: Orc) -> None:
    """`--set` may be given again and again."""
    ran = orc("run", str(orc.experiment()), "--set", "space.x=[7]", "--set", "name=seven", "--json")
    assert (ran.status, ran.json["name"], ran.json["best"]["params"]) == (0, "seven", {"x": 7})
    assert ran.json["selected"] == [ran.json["best"]["ref"]]


def test_stdin_is_a_file_too(orc: Orc) -> None:
    """`-` reads the experiment from stdin, with the current directory as its folder."""
    text = (orc.experiment("quiet") / "experiment.toml").read_text()
    (orc.home / "model.py").write_text("def quiet(params):\n    return {'height': params['x']}\n")
    assert orc("run", "-", given=text).status == 0


def test_a_command_that_reports_nothing_is_told_about(orc: Orc) -> None:
    """It has succeeded, and what is printed is not taken for a number: nobody has won anything."""
    ran = orc("run", "-", given='name = "echo"\n[stage]\ncommand = "echo 5"\n[space]\nx = [1, 2]\n')
    assert ran.status == 0
    assert "nothing was measured" in ran.out
    assert "nothing was measured" not in orc("run", str(orc.experiment("quiet"))).out


def test_a_run_in_which_everything_fails_exits_3_and_shows_the_error(orc: Orc) -> None:
    """The error is shown with the ref that had it."""
    ran = orc("run", str(orc.experiment("failing", space="x = [3]")))
    assert ran.status == 3
    assert "three is too much" in ran.out


def test_code_that_cannot_be_imported_ends_it_at_once(orc: Orc) -> None:
    """`check` says so beforehand; a run exits 3 with the error shown, and nothing is tried again."""
    folder = orc.experiment(space=f"x = {list(range(200))}", stage="retries = { max = 5 }")
    (folder / "model.py").write_text("import nothing_like_this\n\n\ndef evaluate(params):\n    return 1\n")
    checked, ran = orc("check", str(folder)), orc("run", str(folder), "--json")
    assert checked.status == 2
    assert "No module named 'nothing_like_this'" in checked.err
    assert (ran.status, ran.json["state"]) == (3, "failed")
    assert "cannot be imported: ModuleNotFoundError: No module named 'nothing_like_this'" in ran.json["reason"]
    usage = orc("show", ran.json["ref"], "--json", "--limit", "1").json["usage"]
    assert usage["attempts"] < 200


def test_a_run_that_the_gate_lets_nothing_through_says_by_how_much(orc: Orc) -> None:
    """Status 3, and what kept the closest variant back; criteria it meets are not told."""
    criteria = [("height", ">=", 4), ("x_again", ">=", 0)]
    gate = "\n".join(
        f'[[gate.criterion]]\nmetric = "{metric}"\nop = "{op}"\nthreshold = {threshold}\nsoft = -10'
        for metric, op, threshold in criteria
    )
    ended = orc("run", str(orc.experiment(space="x = [2, 3]", more=f"[gate]\nmin_score = 1.0\n{gate}")))
    assert ended.status == 3
    told = [line for line in ended.out.splitlines() if "did not pass the gate" in line]
    assert len(told) == 1, ended.out
    assert ".2 did not pass the gate: height is 1, needs >= 4 (3 short)" in told[0]
    assert "x_again" not in told[0]


def test_a_missed_sla_is_in_the_exit_status_when_that_is_asked_for(orc: Orc) -> None:
    """Status 3 with each promise that was not kept; without the option, or when all were kept, it ends by its outcome."""
    folder = str(orc.experiment(stage="sla = 0.000001"))
    enforced = orc("run", folder, "--enforce-sla", "--json")
    assert (enforced.status, enforced.json["state"]) == (3, "succeeded")
    assert enforced.json["sla_missed"][0].startswith("stage main: 3 of 3 took longer than ")
    told = orc("run", folder, "--enforce-sla", "--quiet")
    assert (told.status, told.err) == (3, "")
    assert told.out.startswith("SLA missed: stage main: 3 of 3 took longer than ")
    assert orc("run", folder).status == 0
    kept = orc("run", folder, "--enforce-sla", "--json", "--set", "stage.sla=1h")
    assert (kept.status, kept.json["sla_missed"]) == (0, [])


def test_a_lane_says_how_its_stages_run_and_how_many_at_once(orc: Orc) -> None:
    """The lane docs runs on threads, two at an instant of all its evaluations; a lane that there is not is refused with those there are."""
    folder = orc.experiment("held", space="x = [1, 2, 3, 4]", stage='lane = "docs"', more="[limits]\nmax_parallel = 4")
    ref = orc("submit", str(folder)).out.strip()
    with orc.begin("watch", ref, "--json") as watching:
        line_with(watching.stdout, '"running": 2')
    assert ("lane", True) in {
        (each["reason"], "(2)" in each["message"]) for each in orc("explain", ref, "--json").json["reasons"]
    }
    shown = orc("show", ref, "--json").json
    assert shown["iterations"] | {"running": 2, "queued": 2} == shown["iterations"]
    open_gate(folder)
    assert orc("wait", ref, "--timeout", "20").status == 0
    runs = [one for each in orc("show", ref, "--json").json["variants"] for one in each["iterations"]]
    assert {one["executor"] for one in runs} == {"thread"}
    refused = orc("run", str(folder), "--set", "stage.lane=express", "--json")
    assert (refused.status, refused.error["problems"][0]["where"]) == (2, "stage.main.lane")
    assert "docs, standard, heavy" in refused.error["problems"][0]["message"]


def test_a_lane_that_takes_longer_than_it_may_is_stopped(own_orc: Orc) -> None:
    """Status 3 with the lane and its limit; what was not done is cancelled, and `orc why` says so."""
    settings = own_orc.home / ".config" / "orchestrator"
    settings.mkdir(parents=True)
    (settings / "orchestrator.toml").write_text(f'lanes_file = "{settings / "lanes.toml"}"\n')
    (settings / "lanes.toml").write_text('[lanes.brief]\nstrategy = "process"\nlimit = 0.5\n')
    folder = str(own_orc.experiment("held", stage='lane = "brief"'))
    ended = own_orc("run", folder, "--enforce-sla", "--json")
    shown = own_orc("show", "1", "--json").json
    assert (ended.status, shown["iterations"]["cancelled"]) == (3, 3)
    assert shown["reason"] == "the 0.5 s that lane brief may take are used up"
    assert ended.json["sla_missed"] == ["lane brief: its 0.5 s were used up before it was done"]
    assert "lane brief has begun: it may take 0.5 s in all" in own_orc("why", "1").out


def test_one_interrupt_detaches(orc: Orc) -> None:
    """Status 130, the experiment goes on, and the message says how to watch and how to cancel."""
    folder = orc.experiment("held")
    with orc.begin("run", str(folder)) as run:
        assert run.stderr is not None
        ref = line_with(run.stderr, "submitted").split()[0]
        line_with(run.stderr, "round 1")
        run.send_signal(signal.SIGINT)
        assert f"orc cancel {ref}" in line_with(run.stderr, "detached")
        run.communicate(timeout=30)
        assert run.returncode == 130
    open_gate(folder)
    assert orc("wait", ref, "--timeout", "20").status == 0


def test_two_interrupts_cancel(orc: Orc) -> None:
    """The second within two seconds ends the experiment as cancelled."""
    with orc.begin("run", str(orc.experiment("held"))) as run:
        assert run.stderr is not None
        ref = line_with(run.stderr, "submitted").split()[0]
        line_with(run.stderr, "round 1")
        run.send_signal(signal.SIGINT)
        line_with(run.stderr, "detached")
        run.send_signal(signal.SIGINT)
        line_with(run.stderr, "is cancelled")
        run.communicate(timeout=30)
        assert run.returncode == 130
    assert orc("wait", ref, "--timeout", "20", "--json").json["state"] == "cancelled"


def test_a_run_outlives_the_death_of_its_daemon(own_orc: Orc) -> None:
    """A daemon that is killed under it is started again, and the run ends with all results."""
    folder = own_orc.experiment("held")
    pid = own_orc.pid()
    with own_orc.begin("run", str(folder), "--json") as run:
        assert run.stderr is not None
        line_with(run.stderr, "round 1")
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
        line_with(run.stderr, "waiting up to")
        open_gate(folder)
        out, err = run.communicate(timeout=50)
        assert run.returncode == 0, err
        assert '"succeeded"' in out


@pytest.mark.parametrize("executor", ["process", "isolated", "command"])
def test_what_holds_too_much_memory_dies_and_its_neighbours_finish(orc: Orc, executor: str) -> None:
    """It is out of memory with what it held and what it may hold; the others have their results."""
    chosen = [f"stage.executor={executor}"]
    if executor == "command":
        script = "import json, os, model; print(json.dumps(model.hoarding(json.load(open(os.environ['ORC_PARAMS'])))))"
        chosen = [f"stage.command={json.dumps([sys.executable, '-c', script])}"]
    folder = orc.experiment("hoarding", stage='memory = "256MiB"')
    if executor == "command":
        file = folder / "experiment.toml"
        file.write_text(file.read_text().replace('call = "model:hoarding"\n', ""))
    ran = orc("run", str(folder), "--json", "--set", *chosen)
    assert ran.status == 0, ran.err
    variants = orc("show", str(ran.json["id"]), "--json").json["variants"]
    (hoarder,) = variants[0]["iterations"]
    assert (hoarder["state"], hoarder["cause"]) == ("failed", "out_of_memory")
    assert "more than its limit of 256 MiB" in hoarder["error"]
    assert hoarder["max_rss_bytes"] > 256 * 2**20
    assert [variant["state"] for variant in variants[1:]] == ["evaluated", "evaluated"]


def test_another_interpreter_runs_the_callable(orc: Orc) -> None:
    """A virtual environment in which this package is not installed, named relative to the file's folder."""
    folder = orc.experiment(stage='python = "./venv/bin/python"')
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    ran = orc("run", str(folder), "--json")
    assert (ran.status, ran.json["best"]["params"]) == (0, {"x": 2})


def test_a_run_that_waits_says_why(orc: Orc) -> None:
    """Declaring more memory than there is is warned of, and while nothing runs the reason is told without being asked for."""
    folder = orc.experiment(stage='memory = "900000GiB"')
    with orc.begin("run", str(folder)) as run:
        assert run.stderr is not None
        assert "will wait for ever" in line_with(run.stderr, "warning: stage.main.memory: ")
        ref = line_with(run.stderr, "submitted").split()[0]
        assert "it can never start here" in line_with(run.stderr, "waits: memory: ")
        orc("cancel", ref)
        run.communicate(timeout=30)
        assert run.returncode == 3
