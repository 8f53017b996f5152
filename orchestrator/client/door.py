"""Which daemon a client speaks to, and whether it may start one."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from orchestrator import places

Given = str | os.PathLike[str] | None


class Door(NamedTuple):
    """Where to knock, in order, and what to start when nobody answers.

    `no_start` says why nothing may be started (a whole sentence for a person); None when a private daemon may be.
    """

    sockets: tuple[Path, ...]
    state_directory: Path
    settings_file: Path | None = None
    no_start: str | None = None


def _reason_not_to_start(
    socket: Given, state_directory: Given, *, environ: Mapping[str, str], system: Path
) -> str | None:
    alone = places.explicit_state_directory(state_directory, environ) is None
    if alone and places.given_socket(socket, environ) is not None:
        return "a socket named without a state directory is somebody else's daemon: start that one, or add --state-dir"
    if alone and system.is_socket():
        return "the daemon of this machine is a service: sudo systemctl start orchestrator (or use --state-dir for a private one)"
    return None


def find_door(
    socket: Given = None,
    *,
    state_directory: Given = None,
    settings_file: Given = None,
    environ: Mapping[str, str],
    system: Path = places.SYSTEM_SOCKET,
) -> Door:
    """The door for these options and this environment. Raises InvalidRequest for a socket path that is too long.

    A private daemon may be started unless the socket was named without a state directory (it is then a daemon somebody else
    runs), or the system service's socket exists (systemd starts that one).
    """
    return Door(
        sockets=places.client_sockets(socket, state_directory, environ, system=system),
        state_directory=places.state_directory(state_directory, environ),
        settings_file=places.named_settings_file(settings_file, environ),
        no_start=_reason_not_to_start(socket, state_directory, environ=environ, system=system),
    )
