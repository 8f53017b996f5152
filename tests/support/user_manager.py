"""A real systemd user manager with directories of its own.

It starts only where systemd's marker directory exists. Where the machine was not booted with systemd the marker is made for the
time of the test, which needs root.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import kill_all_about

MARKER = Path("/run/systemd/system")
MANAGER = Path("/lib/systemd/systemd")
READY_SECONDS = 20.0
COMMAND_SECONDS = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UserManager:
    """The manager and how to speak to it."""

    home: Path
    environ: dict[str, str]

    @property
    def units(self) -> Path:
        """Where its units are read from."""
        return Path(self.environ["XDG_CONFIG_HOME"]) / "systemd/user"

    @property
    def runtime(self) -> Path:
        """Its runtime directory, `%t` in units."""
        return Path(self.environ["XDG_RUNTIME_DIR"])

    def ctl(self, *arguments: str, may_fail: bool = False) -> str:
        """`systemctl --user ARGUMENTS`, which returns when the job is done. Unless it may fail, that fails the test."""
        process = subprocess.run(
            ["systemctl", "--user", "--no-pager", *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if process.returncode and not may_fail:
            pytest.fail(f"systemctl --user {' '.join(arguments)}: {process.stderr}\n{self.said()}")
        return process.stdout.strip()

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.ctl("show", "--value", "--property", name, unit)

    def said(self) -> str:
        """What the manager and its services wrote."""
        return (self.home / "log").read_text(errors="replace")


@contextmanager
def user_manager(home: Path) -> Iterator[UserManager]:
    """A manager that is ready; at the end it and everything it started is gone."""
    if not MANAGER.exists():
        pytest.fail(f"{MANAGER} is missing: install systemd (apt-get install systemd)")
    with ExitStack() as stack:
        stack.enter_context(_marker())
        manager = UserManager(home=home, environ=_environment(home))
        manager.units.mkdir(parents=True, exist_ok=True)
        log = stack.enter_context((home / "log").open("wb"))
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        listener.bind(str(home / "notify"))
        listener.settimeout(READY_SECONDS)
        process = subprocess.Popen(
            [str(MANAGER), "--user", "--log-target=console"],
            env={**manager.environ, "NOTIFY_SOCKET": str(home / "notify")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait_ready(listener, manager)
            yield manager
        finally:
            manager.ctl("exit")
            process.wait(COMMAND_SECONDS)
            kill_all_about(str(home))


def _environment(home: Path) -> dict[str, str]:
    (home / "run").mkdir(mode=0o700, exist_ok=True)
    places = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / "config",
        "XDG_RUNTIME_DIR": home / "run",
        "XDG_DATA_HOME": home / "data",
    }
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | {name: str(path) for name, path in places.items()}


def _wait_ready(listener: socket.socket, manager: UserManager) -> None:
    try:
        while b"READY=1" not in listener.recv(4096):
            pass
    except TimeoutError:
        pytest.fail(f"the user manager did not become ready: {manager.said()}")


@contextmanager
def _marker() -> Iterator[None]:
    """systemd's marker directory, made if missing; one test at a time makes and removes it."""
    with (Path(tempfile.gettempdir()) / "orchestrator-systemd-marker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = not MARKER.exists()
        if made and os.geteuid() != 0:
            pytest.fail(
                f"{MARKER} is missing (systemd did not boot this machine): run these tests as root, which makes it"
            )
        MARKER.mkdir(parents=True, exist_ok=True)
        try:
            yield
        finally:
            if made:
                shutil.rmtree(MARKER)
