"""Asking without starting anything that stays: the daemon if one listens, else a helper process."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.cli.setup import Setup
from orchestrator.client.problems import error_of
from orchestrator.client.program import command, with_package
from orchestrator.client.wire import Request
from orchestrator.errors import OrchestratorError, PermissionRefused


def _daemon_listens(setup: Setup) -> bool:
    try:
        connection = setup.session.try_connect()
    except PermissionRefused:
        return False
    if connection is None:
        return False
    connection.close()
    return True


def _ask_helper(arguments: Sequence[str], body: Mapping[str, Any] | None) -> Any:
    """What `python -m orchestrator ARGUMENTS` prints: the same JSON a daemon answers."""
    helper = subprocess.run(  # noqa: S603 - our own interpreter and package
        command(*arguments),
        input=b"" if body is None else json.dumps(body).encode(),
        env=with_package(os.environ),
        capture_output=True,
        check=False,
    )
    try:
        document = json.loads(helper.stdout)
    except ValueError as error:
        said = helper.stderr.decode("utf-8", "replace").strip().splitlines()
        last = said[-1] if said else f"status {helper.returncode}"
        raise OrchestratorError(f"{' '.join(arguments)} failed without a daemon: {last}") from error
    if isinstance(document, dict) and set(document) == {"error"}:
        raise error_of(document["error"])
    return document


def ask_without_starting(
    setup: Setup, request: Request, *, arguments: Sequence[str], body: Mapping[str, Any] | None = None
) -> Any:
    """The daemon's answer if one listens, else that of a helper process; nothing is started that stays."""
    return setup.session.json(request) if _daemon_listens(setup) else _ask_helper(arguments, body)
