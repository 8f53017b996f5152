"""`orc locks`."""

import json
import os
import signal
from pathlib import Path

from tests.support.daemon import Orc, completed, holding, line_with, open_gate, wait_until_gone

KEYS = {"name", "kind", "state", "pid", "command", "ref", "host", "since", "path"}


def test_locks_are_listed_without_a_daemon(own_orc: Orc) -> None:
    """Held, free and stale ones, with who holds or held them; nothing is started, and nothing needs to be cleaned up."""
    assert own_orc("locks", "--json").json == []
    own_orc("lock", "run", "once", "--", "true")
    with holding(own_orc, "gpu0") as (_, pid), holding(own_orc, "gpu1") as (victim, killed):
        assert own_orc("locks", "--json").json[1]["pid"] == killed
        victim.kill()
        os.kill(killed, signal.SIGKILL)
        wait_until_gone(killed)
        listed = own_orc("locks", "--json").json
        assert [set(lock) for lock in listed] == [KEYS] * 3
        assert [(lock["name"], lock["state"], lock["pid"]) for lock in listed] == [
            ("gpu0", "held", pid),
            ("gpu1", "stale", killed),
            ("once", "free", None),
        ]
        assert listed[0]["command"].startswith("sh -c 'echo held")
        assert listed[0]["path"] == str(own_orc.home / "locks" / "gpu0.lock")
        table = own_orc("locks").out.splitlines()
        assert [line.split()[:3] for line in table[1:]] == [
            ["gpu0", "held", str(pid)],
            ["gpu1", "stale", str(killed)],
            ["once", "free", "-"],
        ]
    assert not own_orc.state.exists()


def test_the_lock_of_the_daemon_is_there_too(own_orc: Orc) -> None:
    """Its holder is the daemon; when it has left, the lock is free."""
    pid = own_orc.pid()
    (lock,) = own_orc("locks", "--json").json
    assert (lock["kind"], lock["state"], lock["pid"]) == ("daemon", "held", pid)
    assert own_orc("locks").out.splitlines()[1].split()[:3] == ["(daemon)", "held", str(pid)]
    own_orc("stop")
    assert [lock["state"] for lock in own_orc("locks", "--json", "--no-start").json] == ["free"]


def test_names_of_locks_are_completed(own_orc: Orc) -> None:
    """Those that were used before, without a daemon."""
    own_orc("lock", "run", "gpu0", "--", "true")
    own_orc("lock", "run", "license", "--", "true")
    assert completed(own_orc, "lock", "run", "g") == ["gpu0"]
    assert completed(own_orc, "lock", "") == ["run"]


def running_with(orc: Orc, *names: str, executor: str = "process") -> tuple[str, Path]:
    """An experiment of which an evaluation with these locks is running, and its folder."""
    folder = orc.experiment("held", space="x = [1]")
    changes = "--set", f"stage.locks={json.dumps(names)}", "--set", f"stage.executor={executor}"
    ref = orc("submit", str(folder), *changes).out.strip()
    with orc.begin("events", "-f", "--since", "0", "--experiment", ref) as events:
        line_with(events.stdout, "iterations_started")
    return ref, folder


def test_a_running_evaluation_holds_the_locks_of_its_stage(own_orc: Orc) -> None:
    """Each is listed with the ref, no command can have one, what else needs one waits, and explain says for whom."""
    orc = own_orc
    first, folder = running_with(orc, "gpu0", "license")
    named = [lock for lock in orc("locks", "--json").json if lock["kind"] == "named"]
    assert [(lock["name"], lock["state"], lock["ref"]) for lock in named] == [
        ("gpu0", "held", f"{first}.1.1"),
        ("license", "held", f"{first}.1.1"),
    ]
    assert {lock["command"] for lock in named} == {"model:held"}
    refused = orc("lock", "run", "--no-wait", "license", "--", "true")
    assert refused.status == 5
    assert f"evaluation {first}.1.1" in refused.err
    second = orc("submit", str(orc.experiment()), "--set", 'stage.locks=["gpu0"]').out.strip()
    waiting = orc("explain", second, "--json").json["reasons"][0]
    assert waiting["reason"] == "locks"
    assert f"gpu0, which is held by evaluation {first}.1.1" in waiting["message"]
    assert waiting["would_change"] == f"{first}.1.1 ends"
    open_gate(folder)
    assert orc("wait", first, second, "--timeout", "30").status == 0
    assert {lock["state"] for lock in orc("locks", "--json").json if lock["kind"] == "named"} == {"free"}


def test_a_command_with_a_lock_keeps_evaluations_waiting(own_orc: Orc) -> None:
    """explain names its process and its words; when it has ended the evaluations run."""
    with holding(own_orc, "gpu0") as (call, pid):
        ref = own_orc("submit", str(own_orc.experiment()), "--set", 'stage.locks=["gpu0"]').out.strip()
        (waiting, _) = own_orc("explain", ref, "--json").json["reasons"]
        assert waiting["reason"] == "locks"
        assert f"pid {pid}" in waiting["message"]
        assert "sh -c" in waiting["message"]
        assert waiting["would_change"] == f"process {pid} ends"
        call.terminate()
        assert own_orc("wait", ref, "--timeout", "30").status == 0


def test_the_locks_of_a_daemon_that_is_killed_come_back(own_orc: Orc) -> None:
    """After kill -9 of the daemon its slots are gone and so are their locks; the next daemon takes over what was left behind."""
    ref, folder = running_with(own_orc, "gpu0")
    os.kill(own_orc.pid(), signal.SIGKILL)
    assert own_orc("lock", "run", "--timeout", "20", "gpu0", "--", "true").status == 0
    open_gate(folder)
    assert own_orc("wait", ref, "--timeout", "30").status == 0


def test_isolated_work_keeps_its_lock_without_a_daemon(own_orc: Orc) -> None:
    """After kill -9 of the daemon, and under the next one, the evaluation that lives on holds it; it runs once, then the lock is free."""
    ref, folder = running_with(own_orc, "gpu0", executor="isolated")
    os.kill(own_orc.pid(), signal.SIGKILL)
    for _ in range(2):
        refused = own_orc("lock", "run", "--no-wait", "gpu0", "--", "true")
        assert refused.status == 5
        assert f"evaluation {ref}.1.1" in refused.err
        own_orc.pid()  # starts the next daemon
    open_gate(folder)
    assert own_orc("wait", ref, "--timeout", "30").status == 0
    assert len(own_orc("show", f"{ref}.1.1", "--json").json["attempts"]) == 1
    assert own_orc("lock", "run", "--no-wait", "gpu0", "--", "true").status == 0
