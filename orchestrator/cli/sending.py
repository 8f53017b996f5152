"""Reading SPEC and sending it: for submit and run, and for check without a daemon."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from orchestrator.cli.setup import Setup
from orchestrator.client import calls
from orchestrator.client.problems import error_of
from orchestrator.client.program import command, with_package
from orchestrator.client.submission import submission
from orchestrator.client.wire import Request
from orchestrator.errors import InvalidSpec, OrchestratorError, PermissionRefused, Problem

STDIN = "-"


def body_of(spec: str, overrides: Sequence[str]) -> dict[str, Any]:
    """What is sent for SPEC; read before any daemon is asked. Raises InvalidSpec, InvalidRequest."""
    if spec == STDIN:
        try:
            text = sys.stdin.buffer.read().decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidSpec(
                "stdin cannot be used as an experiment file", problems=[Problem("-", "is not UTF-8 text")]
            ) from error
        return {**submission(f"{text}\n", overrides=overrides, environ=os.environ), "source": "stdin"}
    return submission(Path(spec), overrides=overrides, environ=os.environ)


def submit(setup: Setup, spec: str, overrides: Sequence[str]) -> Any:
    """Submit SPEC: its `id`, `ref` and `name`."""
    body = body_of(spec, overrides)
    return setup.session.json(calls.submit(body, key=str(uuid4())))


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
