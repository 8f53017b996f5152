"""Reading SPEC and sending it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from orchestrator.cli.setup import Setup
from orchestrator.cli.text import printable
from orchestrator.client import calls
from orchestrator.client.submission import LARGEST_SPEC_BYTES, submission
from orchestrator.errors import InvalidSpec, Problem

STDIN = "-"


def _read_stdin() -> str:
    data = sys.stdin.buffer.read(LARGEST_SPEC_BYTES + 1)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    if text is None or len(data) > LARGEST_SPEC_BYTES:
        wrong = "is not UTF-8 text" if text is None else "is larger than 1 MiB"
        raise InvalidSpec("stdin cannot be used as an experiment file", problems=[Problem("stdin", wrong)])
    return text


def body_of(spec: str, overrides: Sequence[str]) -> dict[str, Any]:
    """What is sent for SPEC; read before any daemon is asked. Raises InvalidSpec, InvalidRequest."""
    if spec != STDIN:
        return submission(Path(spec), overrides=overrides, environ=os.environ)
    return {**submission(f"{_read_stdin()}\n", overrides=overrides, environ=os.environ), "source": "stdin"}


def submit(setup: Setup, spec: str, overrides: Sequence[str]) -> Any:
    """Submit SPEC: its `id`, `ref`, `name` and `warnings`, which are said."""
    body = body_of(spec, overrides)
    submitted = setup.session.json(calls.submit(body, key=str(uuid4())))
    for warning in submitted.get("warnings") or []:
        setup.message(f"warning: {printable(warning['where'])}: {printable(warning['message'])}")
    return submitted
