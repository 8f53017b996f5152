"""What needs no daemon: `check --json-request` (a submission on standard input) and `schema`. Prints one JSON document.

The answers are those of the routes of the same name, errors included.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio

from orchestrator.api.importing import try_imports
from orchestrator.api.submission import SubmissionBody, invalid, read_submission
from orchestrator.engine.wants import never_fitting
from orchestrator.errors import InvalidRequest, OrchestratorError
from orchestrator.resources import memory_total_bytes
from orchestrator.spec.plan import plan
from orchestrator.spec.schema import json_schema

INVALID = 2


def main(arguments: Sequence[str]) -> int:
    """Answer and return the exit status: 0, or 2 for what is not valid."""
    answers: dict[str, Callable[[], Any]] = {"check": _check, "schema": json_schema}
    try:
        document, status = answers[arguments[0]](), 0
    except OrchestratorError as error:
        document, status = {"error": _error(error)}, INVALID
    json.dump(document, sys.stdout, ensure_ascii=True, allow_nan=False)
    sys.stdout.write("\n")
    return status


def _check() -> dict[str, Any]:
    try:
        body = SubmissionBody.model_validate_json(sys.stdin.buffer.read())
    except ValueError as error:
        raise InvalidRequest(f"the submission on standard input is not valid: {error}") from error
    return anyio.run(_answer, body)


async def _answer(body: SubmissionBody) -> dict[str, Any]:
    read = await read_submission(body)
    problems = await try_imports(read.spec, folder=Path(body.folder), environment=body.variables)
    if problems:
        raise invalid(body, problems)
    doubts = never_fitting(read.spec, memory_bytes=memory_total_bytes())
    warnings = [asdict(warning) for warning in (*read.warnings, *doubts)]
    return {"name": read.spec.name, "plan": asdict(plan(read.spec)), "warnings": warnings}


def _error(error: OrchestratorError) -> dict[str, Any]:
    problems = [asdict(problem) for problem in error.problems]
    return {"code": error.code, "message": error.message, "hint": error.hint, "problems": problems}
