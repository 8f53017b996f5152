"""Where a client knocks, and when it may start a daemon."""

import socket
from pathlib import Path

from orchestrator.client.door import find_door
from orchestrator.client.program import command, small_environment, with_package

HOME = {"HOME": "/h", "XDG_RUNTIME_DIR": "/r"}


def test_a_private_daemon_may_be_started_when_nothing_is_named(tmp_path: Path) -> None:
    """Or when a state directory is: then everything lies in it."""
    assert find_door(environ=HOME, system=tmp_path / "none").no_start is None
    named = find_door(state_directory="/state", environ=HOME, system=tmp_path / "none")
    assert (named.no_start, named.sockets) == (None, (Path("/state/orchestrator.sock"),))
    both = find_door("/s.sock", state_directory="/state", environ=HOME, system=tmp_path / "none")
    assert (both.no_start, both.sockets) == (None, (Path("/s.sock"),))


def test_a_socket_named_alone_is_somebody_elses_daemon(tmp_path: Path) -> None:
    """By the option or by the variable."""
    assert find_door("/s.sock", environ=HOME, system=tmp_path / "none").no_start is not None
    by_variable = find_door(environ={**HOME, "ORCHESTRATOR_SOCKET": "/s.sock"}, system=tmp_path / "none")
    assert by_variable.no_start is not None


def test_where_the_service_has_its_socket_nothing_is_started(private_places: Path) -> None:
    """systemd starts that one; who names a state directory still gets a private daemon."""
    path = private_places / "service.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert "systemctl" in (find_door(environ=HOME, system=path).no_start or "")
        assert find_door(state_directory="/state", environ=HOME, system=path).no_start is None


def test_a_background_daemon_inherits_little() -> None:
    """Where things are and how to speak; no secret of the shell."""
    shell = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "ORCHESTRATOR_SLOTS": "2", "TOKEN": "x", "VIRTUAL_ENV": "/v"}
    assert small_environment(shell).keys() == {"PATH", "HOME", "LC_ALL", "ORCHESTRATOR_SLOTS"}


def test_the_program_is_found_without_the_current_directory() -> None:
    """-P keeps it off the import path; from a checkout the package's folder is named."""
    assert command("daemon")[1:] == ["-P", "-m", "orchestrator", "daemon"]
    assert Path(with_package({}).get("PYTHONPATH", "/")).is_absolute()
