"""A client finds the socket its daemon listens on."""

from pathlib import Path

import pytest

from orchestrator import places
from orchestrator.errors import InvalidRequest

SESSION = {"HOME": "/h", "XDG_RUNTIME_DIR": "/r"}


@pytest.mark.parametrize(
    ("socket", "state", "environ", "expected"),
    [
        ("/s.sock", "/state", {**SESSION, "ORCHESTRATOR_SOCKET": "/v.sock"}, "/s.sock"),
        (None, "/state", {**SESSION, "ORCHESTRATOR_SOCKET": "/v.sock"}, "/v.sock"),
        (None, "/state", {**SESSION, "RUNTIME_DIRECTORY": "/service"}, "/state/orchestrator.sock"),
        (None, None, {**SESSION, "ORCHESTRATOR_STATE_DIR": "/state"}, "/state/orchestrator.sock"),
        (None, None, {**SESSION, "RUNTIME_DIRECTORY": "/service"}, "/service/orchestrator.sock"),
        (None, None, SESSION, "/r/orchestrator/orchestrator.sock"),
        (None, None, {"HOME": "/h"}, "/h/.local/state/orchestrator/orchestrator.sock"),
    ],
)
def test_the_daemon_binds_at_the_strongest_source(
    socket: str | None, state: str | None, environ: dict[str, str], expected: str
) -> None:
    """Option, variable, explicit state directory, systemd, XDG runtime directory, state directory: in this order."""
    assert places.server_socket(socket, state, environ) == Path(expected)


@pytest.mark.parametrize(
    ("socket", "state", "environ"),
    [
        ("/s.sock", None, SESSION),
        (None, "/state", SESSION),
        (None, None, {**SESSION, "ORCHESTRATOR_SOCKET": "/v.sock"}),
        (None, None, SESSION),
        (None, None, {"HOME": "/h"}),
    ],
)
def test_the_first_place_a_client_looks_is_where_the_daemon_binds(
    socket: str | None, state: str | None, environ: dict[str, str]
) -> None:
    """With the same options and environment, client and daemon agree."""
    assert places.client_sockets(socket, state, environ)[0] == places.server_socket(socket, state, environ)


def test_only_an_unnamed_daemon_is_looked_for_in_the_system_too() -> None:
    """Who names a socket or a state directory never reaches another daemon."""
    assert places.client_sockets(None, None, SESSION) == (
        Path("/r/orchestrator/orchestrator.sock"),
        Path("/run/orchestrator/orchestrator.sock"),
    )
    assert len(places.client_sockets("/s.sock", None, SESSION)) == 1
    assert len(places.client_sockets(None, "/state", SESSION)) == 1


def test_a_path_the_kernel_cannot_bind_is_refused_with_its_length() -> None:
    """107 bytes are accepted, 108 are not, and bytes are counted, not letters."""
    assert places.checked_socket(Path("/" + "x" * 106)) == Path("/" + "x" * 106)
    with pytest.raises(InvalidRequest, match="108 bytes long, the kernel allows 107"):
        places.checked_socket(Path("/" + "x" * 107))
    with pytest.raises(InvalidRequest, match="bytes long"):
        places.client_sockets("/" + "ü" * 60, None, SESSION)


def test_where_a_service_manager_starts_the_keeper_is_told_by_a_variable() -> None:
    """Without it the daemon starts its own."""
    assert places.managed_keeper_socket({"ORCHESTRATOR_KEEPER_SOCKET": "/run/o/keeper.sock"}) == Path(
        "/run/o/keeper.sock"
    )
    assert places.managed_keeper_socket(SESSION) is None
