"""The user's units under a real service manager: activation, readiness, watchdog, restart, stop."""

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.client import Client
from tests.support.daemon_process import ROOT
from tests.support.processes import processes_left
from tests.support.user_manager import UserManager, user_manager

UNITS = ROOT / "systemd/user"
SERVICE, SOCKET = "orchestrator.service", "orchestrator.socket"
OVERRIDE = """
[Service]
ExecStart=
ExecStart={python} -P -m orchestrator daemon --state-dir {state}
Environment=PYTHONPATH={root} ORCHESTRATOR_SLOTS=2 {environment}
StandardOutput=append:{state}.log
StandardError=append:{state}.log
{more}
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

    def main_pid(self) -> int:
        """The daemon's pid by the manager; 0 when it does not run."""
        return int(self.manager.show(SERVICE, "MainPID"))

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
        for unit in (SERVICE, SOCKET):
            shutil.copy(UNITS / unit, manager.units)
        override = manager.units / f"{SERVICE}.d/checkout.conf"
        override.parent.mkdir()
        state = home / "s"
        override.write_text(
            OVERRIDE.format(python=sys.executable, state=state, root=ROOT, more=more, environment=environment)
        )
        manager.ctl("daemon-reload")
        manager.ctl("start", SOCKET)
        yield Service(manager=manager, state=state)


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
        service.manager.ctl("stop", SERVICE, SOCKET)
        assert service.manager.show(SERVICE, "Result") == "success"
        assert service.main_pid() == 0
        assert processes_left(str(service.state)) == {}
        assert '"event": "daemon_stopped"' in service.said()


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
        assert service.manager.show(SERVICE, "NRestarts") == "1"


@pytest.mark.timeout(120)
def test_wrong_settings_are_not_retried(private_places: Path) -> None:
    """A daemon that ends with status 2 is not started again and again; the log names the setting."""
    with installed(private_places, environment="ORCHESTRATOR_DRAIN_SECONDS=soon") as service:
        service.manager.ctl("start", SERVICE, may_fail=True)
        assert service.manager.show(SERVICE, "ExecMainStatus") == "2"
        assert service.manager.show(SERVICE, "ActiveState") == "failed"
        assert service.manager.show(SERVICE, "NRestarts") == "0"
        assert "$ORCHESTRATOR_DRAIN_SECONDS: 'soon' is not allowed" in service.said()
