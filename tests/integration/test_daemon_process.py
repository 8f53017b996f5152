"""A real daemon process: coming up, being refused, draining, being killed, leaving when idle."""

import os
import signal
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon_process import daemon, refused
from tests.support.processes import processes_left

SLOW: dict[str, Any] = {"name": "slow", "stage": {"command": ["sleep", "{seconds}"]}, "search": {"method": "grid"}}


def slow(*seconds: float) -> dict[str, Any]:
    """An experiment whose evaluations take that long."""
    return {**SLOW, "space": {"seconds": list(seconds)}}


def called(state: Path, *seconds: float) -> dict[str, Any]:
    """The same in the daemon's own slots."""
    (state.parent / "sleeper.py").write_text(
        "import time\n\ndef evaluate(params):\n    time.sleep(params['seconds'])\n    return 0.0\n"
    )
    return {
        **slow(*seconds),
        "stage": {"call": "sleeper:evaluate", "workdir": str(state.parent), "executor": "process"},
    }


@pytest.fixture
def state(private_places: Path) -> Path:
    """A state directory whose socket's path is short enough."""
    return private_places / "s"


def test_it_comes_up_works_and_leaves_in_order(state: Path) -> None:
    """Ready is told; it evaluates; SIGTERM ends it with status 0, without its socket, a locked lock, or any process."""
    with daemon(state) as running:
        assert running.client.status()["pid"] == running.process.pid
        ended = running.client.submit(slow(0, 0.01)).wait(timeout_seconds=20)
        assert ended["state"] == "succeeded"
        running.send(signal.SIGTERM)
        assert running.end() == 0
        assert not (state / "orchestrator.sock").exists()
        assert (state / "orchestrator.lock").read_text() == ""
        assert processes_left(str(state)) == {}
        assert running.named("daemon_stopped")[0]["reason"] == "SIGTERM"


def test_its_places_are_private(state: Path) -> None:
    """State directory 0700, database, reserve and lock 0600, socket 0600, whatever the umask it was started with."""
    before = os.umask(0)
    try:
        with daemon(state):
            modes = {path.name: path.stat().st_mode & 0o777 for path in [state, *state.glob("orchestrator.*")]}
    finally:
        os.umask(before)
    files = ("db", "db-wal", "db-shm", "lock", "reserve", "sock")
    assert modes == {"s": 0o700, **{f"orchestrator.{name}": 0o600 for name in files}}


def test_a_second_daemon_is_refused(state: Path) -> None:
    """It ends with status 5 and one clear message that names the first one's pid; the first goes on."""
    with daemon(state) as first:
        status, said = refused(state)
        assert status == 5
        assert f"held by pid {first.process.pid}" in said
        assert "orc stop" in said
        assert "Traceback" not in said
        assert first.client.status()["state"] == "ready"


def test_wrong_settings_are_all_reported(state: Path, tmp_path: Path) -> None:
    """Status 2 and a line a problem, with file or variable; nothing was created."""
    file = tmp_path / "settings.toml"
    file.write_text('slot = 3\nlog_level = "loud"\n')
    status, said = refused(state, "--config", str(file), environ={"ORCHESTRATOR_THREADS": "many"})
    assert status == 2
    assert [line.strip() for line in said.splitlines()[1:]] == [
        f"{file}: slot: there is no such setting; did you mean slots?",
        "$ORCHESTRATOR_THREADS: 'many' is not allowed; it must be a whole number of at least 1, or \"auto\"",
        f'{file}: log_level: \'loud\' is not allowed; it must be "debug", "info", "warning" or "error"',
    ]
    assert not state.exists()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda state: state.parent.joinpath("s").write_text(""), "cannot be made"),
        (lambda state: (state.mkdir(), (state / "orchestrator.db").write_bytes(b"x" * 8192)), "damaged"),
        (lambda state: (state.mkdir(), (state / "orchestrator.sock").write_text("")), "is no socket"),
        (lambda state: (state.mkdir(), (state / "orchestrator.lock").mkdir()), "orchestrator.lock"),
        (lambda state: (state.mkdir(), (state / "work").write_text("")), "work/nursery: Not a directory"),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_one_message(state: Path, make: Any, words: str) -> None:
    """A file in the way, a damaged database, a thing that is no socket or no lock: no traceback, a status that is not 0, and nothing of
    what slots are forked from is left.
    """
    make(state)
    status, said = refused(state)
    assert status != 0
    assert said.startswith("orchestrator: ")
    assert words in said
    assert "Traceback" not in said
    assert not list(state.glob("work/*/"))


def test_a_killed_daemon_is_taken_over(state: Path) -> None:
    """After kill -9 the next one takes the lock over, says so, and finishes the experiment."""
    with daemon(state) as first:
        experiment = first.client.submit({**slow(0.3, 0.31, 0.32, 0.33), "limits": {"max_parallel": 1}})
        wait_for_event(first.client, "iterations_finished")
        first.send(signal.SIGKILL)
        first.end()
        with daemon(state) as second:
            assert str(first.process.pid) in second.named("stale_lock_taken_over")[0]["left_by"]
            assert second.client.experiment(experiment.ref).wait(timeout_seconds=20)["state"] == "succeeded"
            counts = second.client.experiment(experiment.ref).document()["iterations"]
            assert (counts["total"], counts["succeeded"]) == (4, 4)


def test_a_back_off_under_way_goes_on_after_a_kill(state: Path) -> None:
    """Killed with -9 while a failure waits four seconds for its retry, the next daemon starts it when they are over, not at once."""
    command = ["sh", "-c", "[ -e {mended} ] || {{ touch {mended}; exit 1; }}; echo '{{\"y\": 1}}'"]
    spec = {
        "name": "mended",
        "stage": {"command": command, "retries": {"max": 1, "backoff": "4s"}},
        "objective": {"metric": "y", "goal": "minimize"},
        "space": {"mended": [str(state.parent / "mended")]},
    }
    with daemon(state) as first:
        first.client.submit(spec)
        wait_for_event(first.client, "iterations_requeued")
        first.send(signal.SIGKILL)
        first.end()
        with daemon(state) as second:
            assert second.client.experiment(1).wait(timeout_seconds=20)["state"] == "succeeded"
            attempts = second.client.part("1.1.1").document()["attempts"]
    failed, begun = [datetime.fromisoformat(attempts[0]["finished"]), datetime.fromisoformat(attempts[1]["started"])]

    assert [one["end"] for one in attempts] == ["failed", "succeeded"]
    assert 2.99 < (begun - failed).total_seconds() < 10


def test_a_broken_evaluator_is_stopped_soon(state: Path) -> None:
    """Of five thousand evaluations that fail at once in two processes no more are run than three times what the file bears."""
    (state.parent / "broken.py").write_text("def evaluate(params):\n    raise ValueError(params)\n")
    spec = {
        "name": "broken",
        "stage": {"call": "broken:evaluate", "workdir": str(state.parent), "executor": "process"},
        "search": {"method": "grid"},
        "space": {"x": list(range(5000))},
        "limits": {"max_failures": {"count": 20}},
    }
    with daemon(state, environ={"ORCHESTRATOR_SLOTS": "2"}) as running:
        experiment = running.client.submit(spec)
        ended = experiment.wait(timeout_seconds=30)
        failed = experiment.document()["iterations"]["failed"]

    assert (ended["state"], ended["reason"].partition(";")[0]) == ("failed", "21 of 21 evaluations failed (100 %)")
    assert 21 <= failed <= 60


def test_what_was_learnt_of_a_stage_survives_a_kill(state: Path) -> None:
    """Killed once it has moved a stage: the next daemon moves it before anything runs, and nothing of it runs in a process again."""
    environ = {"ORCHESTRATOR_SLOTS": "1", "ORCHESTRATOR_THREADS": "4"}
    waiting = called(state, *(0.15 + number / 1000 for number in range(40)))
    waiting["stage"]["executor"] = "adaptive"
    with daemon(state, environ=environ) as first:
        experiment = first.client.submit(waiting)
        moved = (event for event in first.client.events(since=0, follow=True) if "place" in kinds(experiment.why()))
        next(moved)
        before = executors_of(experiment)
        first.send(signal.SIGKILL)
        first.end()
    with daemon(state, environ=environ) as second:
        after = second.client.experiment(experiment.ref)
        assert after.wait(timeout_seconds=20)["state"] == "succeeded"
        assert (kinds(after.why()).count("place"), len(second.named("stage_placed"))) == (2, 2)
        assert executors_of(after).count("process") == before.count("process") < 20
        assert executors_of(after).count("thread") > 20


def test_draining_lets_running_work_finish(state: Path) -> None:
    """SIGTERM while an evaluation runs: it is finished and recorded, the next has not been started."""
    with daemon(state) as first:
        first.client.submit({**called(state, 0.6, 0.61), "limits": {"max_parallel": 1}})
        wait_for_event(first.client, "iterations_started")
        first.send(signal.SIGTERM)
        assert first.end() == 0
    with daemon(state) as second:
        rows = second.client.experiment(1).wait(timeout_seconds=20)
        attempts = [variant["iterations"][0]["attempt"] for variant in second.client.experiment(1).variants()]
        assert (rows["state"], attempts) == ("succeeded", [1, 1])


def test_a_second_signal_cuts_draining_short(state: Path) -> None:
    """With an evaluation of an hour the second SIGTERM ends the daemon; the evaluation is dead and queued again."""
    with daemon(state, environ={"ORCHESTRATOR_DRAIN_SECONDS": "3600"}) as running:
        running.client.submit(called(state, 3600))
        wait_for_event(running.client, "iterations_started")
        running.send(signal.SIGTERM)
        wait_for_state(running.client, "draining")
        running.send(signal.SIGTERM)
        assert running.end() == 0
        assert processes_left(str(state)) == {}
    with daemon(state) as second:
        (variant,) = second.client.experiment(1).variants()
        assert variant["iterations"][0]["state"] in {"queued", "running"}
        second.client.experiment(1).cancel()


def test_a_client_can_stop_it(state: Path) -> None:
    """The stop request ends the process with status 0."""
    with daemon(state) as running:
        running.client.stop()
        assert running.end() == 0


def test_a_background_daemon_leaves_when_idle(state: Path) -> None:
    """It has a session of its own and cwd /, logs to daemon.log, and leaves by itself with nothing to do."""
    environ = {"ORCHESTRATOR_IDLE_EXIT_SECONDS": "0.5"}
    with daemon(state, "--background", environ=environ, new_session=True) as running:
        assert os.getsid(running.process.pid) == running.process.pid
        assert Path(f"/proc/{running.process.pid}/cwd").readlink() == Path("/")
        assert running.end() == 0
        assert '"reason": "idle"' in (state / "daemon.log").read_text()
        assert running.output.read_text() + running.errors.read_text() == ""


def test_a_background_daemon_stays_while_it_works(state: Path) -> None:
    """An evaluation longer than the idle time is finished first."""
    environ = {"ORCHESTRATOR_IDLE_EXIT_SECONDS": "0.3"}
    with daemon(state, "--background", environ=environ, new_session=True) as running:
        running.client.submit(slow(1))
        assert running.end() == 0
    with daemon(state) as second:
        assert second.client.experiment(1).document()["state"] == "succeeded"


def test_the_service_manager_is_told(state: Path, private_places: Path) -> None:
    """READY after the door is open, WATCHDOG pings, a STATUS, and STOPPING when asked to leave."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(private_places / "n"))
        manager.settimeout(10)
        environ = {"NOTIFY_SOCKET": str(private_places / "n"), "WATCHDOG_USEC": "300000"}
        with daemon(state, environ=environ) as running:
            told = {manager.recv(1000).split(b"=")[0] for _ in range(4)}
            assert told >= {b"READY", b"STATUS", b"WATCHDOG"}
            running.send(signal.SIGTERM)
            while b"STOPPING=1" not in (message := manager.recv(1000)):
                assert message.startswith((b"WATCHDOG", b"STATUS"))
            assert running.end() == 0


def executors_of(experiment: Any) -> list[str | None]:
    """Where the last attempt of each iteration ran."""
    return [one["executor"] for variant in experiment.variants() for one in variant["iterations"]]


def kinds(decisions: list[dict[str, Any]]) -> list[str]:
    """What was decided, in order."""
    return [decision["kind"] for decision in decisions]


def wait_for_event(client: Any, kind: str) -> None:
    """Return once the daemon has told an event of that kind."""
    next(event for event in client.events(since=0, follow=True) if event["kind"] == kind)


def wait_for_state(client: Any, state: str) -> None:
    """Return once the daemon says it is in a state that it tells with an event."""
    wait_for_event(client, "daemon_stopping")
    assert client.status()["state"] == state
