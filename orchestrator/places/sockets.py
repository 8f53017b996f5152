"""Sockets: where a daemon listens, and where a client looks for one."""

import os
from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import InvalidRequest
from orchestrator.places.directories import (
    absolute,
    explicit_state_directory,
    first_of_systemd,
    named,
    runtime_directory,
    state_directory,
)

FILE = "orchestrator.sock"
SYSTEM_SOCKET = Path("/run/orchestrator/orchestrator.sock")
LONGEST_BYTES = 107  # sun_path of Linux is 108 bytes, the last of them zero

Given = str | os.PathLike[str] | None


def checked_socket(path: Path) -> Path:
    """The path itself, if the kernel can bind it. Raises InvalidRequest when it has more than 107 bytes."""
    length = len(os.fsencode(path))
    if length > LONGEST_BYTES:
        raise InvalidRequest(
            f"the socket's path is {length} bytes long, the kernel allows {LONGEST_BYTES}: {path}",
            hint="name a shorter one with --socket or $ORCHESTRATOR_SOCKET",
        )
    return path


def given_socket(option: Given, environ: Mapping[str, str]) -> Path | None:
    """What `--socket` or `$ORCHESTRATOR_SOCKET` says; None when neither does. Raises InvalidRequest for an empty option."""
    return named(option, "ORCHESTRATOR_SOCKET", environ)


def user_socket(state_option: Given, environ: Mapping[str, str]) -> Path:
    """Where a daemon listens that was not told where.

    Inside an explicitly given state directory, else in the XDG runtime directory, else inside the state directory.
    """
    explicit = explicit_state_directory(state_option, environ)
    session = {name: value for name, value in environ.items() if name != "RUNTIME_DIRECTORY"}
    return (explicit or runtime_directory(session) or state_directory(None, environ)) / FILE


def server_socket(option: Given, state_option: Given, environ: Mapping[str, str]) -> Path:
    """Where a daemon binds when systemd passed it no socket. Raises InvalidRequest for a path that is too long."""
    given = given_socket(option, environ)
    if given is None and explicit_state_directory(state_option, environ) is None:
        service = first_of_systemd("RUNTIME_DIRECTORY", environ)
        given = service / FILE if service else None
    return checked_socket(given or user_socket(state_option, environ))


def managed_keeper_socket(environ: Mapping[str, str]) -> Path | None:
    """Where a service manager starts the keeper: `$ORCHESTRATOR_KEEPER_SOCKET`; None where the daemon starts its own."""
    given = environ.get("ORCHESTRATOR_KEEPER_SOCKET")
    return absolute(given, environ) if given else None


def client_sockets(
    option: Given, state_option: Given, environ: Mapping[str, str], *, system: Path = SYSTEM_SOCKET
) -> tuple[Path, ...]:
    """Where a client looks, in order. A socket or state directory that was named is the only place looked at.

    Raises InvalidRequest for a path that is too long.
    """
    given = given_socket(option, environ)
    if given is None and explicit_state_directory(state_option, environ) is None:
        return (checked_socket(user_socket(None, environ)), system)
    return (checked_socket(given or user_socket(state_option, environ)),)
