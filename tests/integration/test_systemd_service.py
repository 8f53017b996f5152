"""The user's units under a real service manager: activation, readiness, watchdog, restart, stop."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.client import Client
from tests.support.commands import alive, pids_in
from tests.support.daemon_process import ROOT
from tests.support.processes import processes_left
from tests.support.user_manager import UserManager, user_manager

UNITS = ROOT / "systemd/user"
SERVICE, SOCKET, TARGET = "orchestrator.service", "orchestrator.socket", "orchestrator.target"
KEEPER, KEEPER_SOCKET = "orchestrator-keeper.service", "orchestrator-keeper.socket"
KEEPER_MODULE = "orchestrator.worker.keeper"
OVERRIDE = """
[Service]
ExecStart=
ExecStart={python} -P -m orchestrator daemon --state-dir {state}
Environment=PYTHONPATH={root} ORCHESTRATOR_SLOTS=2 {environment}
StandardOutput=append:{state}.log
StandardError=append:{state}.log
{more}
"""
KEEPER_OVERRIDE = """
[Service]
ExecStart=
ExecStart={python} -P -m orchestrator.worker.keeper
Environment=PYTHONPATH={root}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The installed units, their socket listening."""

    manager: UserManager
    state: Path

    @property
    def client(self) -> Client:
        """Speaks to the activated socket."""
        return Client(self.manager.runtime / "orchestrator/orchestrator.sock", start=False)

    def main_pid(self, unit: str = SERVICE) -> int:
        """The daemon's pid, or that of another unit, by the manager; 0 when it does not run."""
        return int(self.manager.show(unit, "MainPID"))

    def said(self) -> str:
        """What the daemons wrote, as the journal would have it."""
        return self.state.with_suffix(".log").read_text()

    def kill(self, number: signal.Signals) -> None:
        """Send a signal to the daemon alone."""
        self.manager.ctl("kill", "--kill-who=main", f"--signal={number.name}", SERVICE)


@contextmanager
def installed(home: Path, *, more: str = "", environment: str = "") -> Iterator[Service]:
    """The units installed and the socket started, the program being this checkout."""
    with user_manager(home) as manager:
        for file in UNITS.iterdir():
            shutil.copy(file, manager.units)
        state = home / "s"
        facts = {"python": sys.executable, "state": state, "root": ROOT, "more": more, "environment": environment}
        for unit, text in ((SERVICE, OVERRIDE), (KEEPER, KEEPER_OVERRIDE)):
            override = manager.units / f"{unit}.d/checkout.conf"
            override.parent.mkdir()
            override.write_text(text.format(**facts))
        manager.ctl("daemon-reload")
        manager.ctl("start", SOCKET, KEEPER_SOCKET)
        yield Service(manager=manager, state=state)


def install(home: Path, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """`make install-user` behind its virtual environment: the programs are those of this checkout."""
    programs = home / "programs"
    programs.mkdir()
    for name, module in (
        ("orc", "orchestrator"),
        ("orchestratord", "orchestrator daemon"),
        ("orchestrator-keeper", KEEPER_MODULE),
    ):
        program = programs / name
        program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P -m {module} "$@"\n')
        program.chmod(0o755)
    script = ["sh", str(ROOT / "systemd/install-user.sh"), str(programs)]
    return subprocess.run(script, env=environ, capture_output=True, text=True, timeout=60, check=False)


def sleeps(*seconds: float) -> dict[str, Any]:
    """An experiment whose evaluations take that long, one after the other."""
    return {
        "name": "sleeps",
        "stage": {"command": ["sleep", "{seconds}"]},
        "space": {"seconds": list(seconds)},
        "limits": {"max_parallel": 1},
    }


def wait_for(client: Client, kind: str) -> None:
    """Return once the daemon has told an event of that kind."""
    next(event for event in client.events(since=0, follow=True) if event["kind"] == kind)


@pytest.mark.timeout(120)
def test_a_user_installs_it_and_the_first_request_starts_it(private_places: Path) -> None:
    """The script links the programs and enables the units; `orc status`, which starts no daemon of its own, is answered by the service."""
    with user_manager(private_places) as manager:
        done = install(private_places, manager.environ)
        assert done.returncode == 0, done.stderr
        orc = private_places / ".local/bin/orc"
        assert f"Put {orc.parent} on your PATH." in done.stdout
        assert manager.ctl("is-enabled", SERVICE, SOCKET, KEEPER_SOCKET).split() == ["enabled"] * 3
        status = subprocess.run(
            [orc, "status", "--json"], env=manager.environ, capture_output=True, text=True, check=True
        )
        assert (json.loads(status.stdout)["pid"], status.stderr) == (int(manager.show(SERVICE, "MainPID")), "")
        manager.ctl("stop", TARGET)


def test_without_a_service_manager_it_says_what_works_all_the_same(private_places: Path) -> None:
    """Status 1 with what is in place and what to do; `orc` is there."""
    done = install(private_places, {"HOME": str(private_places), "PATH": os.environ["PATH"]})
    assert done.returncode == 1
    assert "your service manager does not answer" in done.stderr
    shown = subprocess.run([private_places / ".local/bin/orc", "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("orc ")


@pytest.mark.timeout(120)
def test_connecting_starts_it_a_kill_restarts_it_a_stop_drains_it(private_places: Path) -> None:
    """The first request is answered by a daemon nobody started; after kill -9 another one goes on; stop leaves no process."""
    with installed(private_places) as service:
        assert service.manager.show(SERVICE, "ActiveState") == "inactive"
        first = service.client.status()["pid"]
        assert first == service.main_pid()
        assert service.manager.show(SERVICE, "ActiveState") == "active"

        experiment = service.client.submit(sleeps(0.5, 0.51, 0.52))
        wait_for(service.client, "iterations_finished")
        service.kill(signal.SIGKILL)
        assert experiment.wait(timeout_seconds=40)["state"] == "succeeded"
        assert service.client.status()["pid"] == service.main_pid() != first
        assert service.manager.show(SERVICE, "NRestarts") == "1"
        assert "stale_lock_taken_over" in service.said()

        service.client.submit(sleeps(1.5, 1.51))
        wait_for(service.client, "daemon_started")
        service.manager.ctl("stop", TARGET)
        assert service.manager.show(SERVICE, "Result") == "success"
        assert service.main_pid() == 0
        assert processes_left(str(service.state)) == {}
        assert '"event": "daemon_stopped"' in service.said()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["restart", "kill"])
def test_neither_a_restart_nor_a_kill_of_the_daemon_touches_a_running_command(private_places: Path, how: str) -> None:
    """It goes on in the same process under the keeper's own unit, is not repeated, and its end is recorded by the next daemon."""
    os.mkfifo(private_places / "ready")
    os.mkfifo(private_places / "go")
    with installed(private_places) as service:
        experiment = service.client.submit(long(private_places))
        (private_places / "ready").read_bytes()
        daemon, keeper = service.main_pid(), service.main_pid(KEEPER)
        (command,) = pids_in(private_places / "pids")
        assert cgroup_of(command) == cgroup_of(keeper) != cgroup_of(daemon)
        if how == "restart":
            service.manager.ctl("restart", SERVICE)
        else:
            service.kill(signal.SIGKILL)
        assert service.client.status()["pid"] == service.main_pid() != daemon
        assert (service.main_pid(KEEPER), alive(command)) == (keeper, True)
        assert service.client.part("1.1.1").document()["state"] == "running"
        (private_places / "go").write_text("\n")
        assert experiment.wait(timeout_seconds=40)["state"] == "succeeded"
        (attempt,) = service.client.part("1.1.1").document()["attempts"]
        assert (attempt["end"], attempt["pid"]) == ("succeeded", command)
        assert pids_in(private_places / "pids") == [command]


@pytest.mark.timeout(120)
def test_stopping_the_target_stops_everything_and_the_next_start_goes_on(private_places: Path) -> None:
    """Isolated work is dead with it; the sockets are closed; started again, the work is done anew."""
    os.mkfifo(private_places / "ready")
    os.mkfifo(private_places / "go")
    with installed(private_places) as service:
        experiment = service.client.submit(long(private_places))
        (private_places / "ready").read_bytes()
        service.manager.ctl("stop", TARGET)
        assert {
            unit: service.manager.show(unit, "ActiveState") for unit in (SERVICE, SOCKET, KEEPER, KEEPER_SOCKET)
        } == {
            SERVICE: "inactive",
            SOCKET: "inactive",
            KEEPER: "inactive",
            KEEPER_SOCKET: "inactive",
        }
        assert processes_left(str(private_places / "s")) == {}
        assert not alive(*pids_in(private_places / "pids"))
        service.manager.ctl("start", TARGET, SOCKET)  # the target is there before what belongs to it
        assert service.client.part("1").document()["state"] == "running"
        (private_places / "ready").read_bytes()
        (private_places / "go").write_text("\n")
        assert experiment.wait(timeout_seconds=40)["state"] == "succeeded"


@pytest.mark.timeout(120)
def test_the_keeper_runs_only_while_it_is_needed(private_places: Path) -> None:
    """No keeper for a daemon that has run no command; none is left when the daemon has been stopped and nothing runs."""
    with installed(private_places) as service:
        service.client.status()
        assert service.main_pid(KEEPER) == 0
        service.client.submit(sleeps(0)).wait(timeout_seconds=40)
        keeper = service.main_pid(KEEPER)
        assert keeper
        service.manager.ctl("stop", SERVICE)
        assert not alive(keeper)
        assert service.manager.show(KEEPER_SOCKET, "ActiveState") == "active"
        assert list((private_places / "s/work/isolated").iterdir()) == []


def long(folder: Path) -> dict[str, Any]:
    """An experiment whose one command tells that it runs, and waits to be told to end."""
    command = f"cd {folder}; echo $$ >> pids; echo x > ready; read -r _ < go; exit 0"
    return {"name": "long", "stage": {"command": ["sh", "-c", command]}, "space": {"x": [1]}}


def cgroup_of(pid: int) -> str:
    """Where the manager has put a process."""
    return Path(f"/proc/{pid}/cgroup").read_text()


@pytest.mark.timeout(120)
def test_the_manager_knows_how_it_goes(private_places: Path) -> None:
    """Start returns when the daemon is ready; its status text counts experiments and slots."""
    with installed(private_places) as service:
        service.manager.ctl("start", SERVICE)
        assert service.manager.show(SERVICE, "StatusText") == (
            "0 running, 0 queued, 0 paused; 0 of 2 slots busy, 0 evaluations wait"
        )
        service.manager.ctl("restart", SERVICE)
        assert service.client.status()["state"] == "ready"
        assert service.manager.show(SERVICE, "NRestarts") == "0"


@pytest.mark.timeout(120)
def test_a_daemon_that_hangs_is_replaced(private_places: Path) -> None:
    """A stopped process sends no pings: the watchdog ends it, and the next request is answered by another one."""
    with installed(private_places, more="WatchdogSec=2\nTimeoutAbortSec=1") as service:
        first = service.client.status()["pid"]
        service.kill(signal.SIGSTOP)
        assert service.client.status()["pid"] != first
        assert (
            service.manager.show(SERVICE, "NRestarts") != "0"
        )  # on a machine too slow for the pings of the next it is more than once


@pytest.mark.timeout(120)
def test_wrong_settings_are_not_retried(private_places: Path) -> None:
    """A daemon that ends with status 2 is not started again and again; the log names the setting."""
    with installed(private_places, environment="ORCHESTRATOR_DRAIN_SECONDS=soon") as service:
        service.manager.ctl("start", SERVICE, may_fail=True)
        assert service.manager.show(SERVICE, "ExecMainStatus") == "2"
        assert service.manager.show(SERVICE, "ActiveState") == "failed"
        assert service.manager.show(SERVICE, "NRestarts") == "0"
        assert "$ORCHESTRATOR_DRAIN_SECONDS: 'soon' is not allowed" in service.said()
