"""Every refusal in one shape: `{"error": {"code", "message", "hint", "problems": [{"where", "message"}]}}`."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from orchestrator.api.answers import Answer
from orchestrator.errors import OrchestratorError, Problem

log = structlog.get_logger(__name__)

STATUS: Mapping[str, int] = {
    "invalid_spec": 400,
    "invalid_settings": 400,
    "invalid_request": 400,
    "invalid_reference": 400,
    "permission": 403,
    "not_found": 404,
    "no_best": 404,
    "conflict": 409,
    "illegal_move": 409,
    "lock_held": 409,
    "events_gone": 410,
    "internal": 500,
    "unavailable": 503,
    "no_daemon": 503,
    "store": 503,
    "corrupt_database": 503,
    "newer_database": 503,
    "executor": 503,
}
"""HTTP status by error code. A code that is not here is a defect: 500."""

INVALID, INTERNAL = 400, 500
_INTERNAL_MESSAGE = "something went wrong inside the daemon"
_INTERNAL_HINT = "its log says what: journalctl -u orchestrator, or daemon.log in its state directory"


class ProblemShape(BaseModel):
    """One thing that is wrong, and where."""

    where: str = Field(description="A dotted path, a file or a ref.", examples=["space.x"])
    message: str


class ErrorShape(BaseModel):
    """What went wrong, for a person."""

    code: str = Field(description="A stable word.", examples=["not_found"])
    message: str
    hint: str | None = Field(description="What to do about it.")
    problems: list[ProblemShape]


class ErrorAnswer(BaseModel):
    """The body of every answer with status 400 and above."""

    error: ErrorShape


def answer_body(
    code: str, message: str, *, hint: str | None = None, problems: Iterable[Problem] = ()
) -> dict[str, dict[str, Any]]:
    """The body of a refusal."""
    listed = [{"where": problem.where, "message": problem.message} for problem in problems]
    return {"error": {"code": code, "message": message, "hint": hint, "problems": listed}}


def internal_answer() -> Answer:
    """What the outside learns of a defect: where to look, and nothing else."""
    return Answer(answer_body("internal", _INTERNAL_MESSAGE, hint=_INTERNAL_HINT), status_code=INTERNAL)


async def answer_error(request: Request, error: Exception) -> Response:
    """Render an error raised on purpose."""
    assert isinstance(error, OrchestratorError)
    status = STATUS.get(error.code, INTERNAL)
    if status >= INTERNAL:
        log.error("request_failed", method=request.method, path=request.url.path, code=error.code, error=error.message)
    return Answer(answer_body(error.code, error.message, hint=error.hint, problems=error.problems), status_code=status)


async def answer_invalid(request: Request, error: Exception) -> Response:
    """Render what pydantic found wrong with a request, all of it at once."""
    del request
    assert isinstance(error, RequestValidationError)
    return _invalid([_problem(found) for found in error.errors()])


def _invalid(problems: Sequence[Problem]) -> Response:
    message = "; ".join(f"{problem.where}: {problem.message}" for problem in problems[:3])
    hint = "/openapi.json describes every request"
    return Answer(answer_body("invalid_request", message, hint=hint, problems=problems), status_code=INVALID)


def _problem(found: Mapping[str, Any]) -> Problem:
    place: Sequence[Any] = found["loc"]
    if found["type"] == "json_invalid":
        return Problem("body", f"is not JSON: {found.get('ctx', {}).get('error', '')} at character {place[-1]}")
    inner = place[1:] if len(place) > 1 else place
    return Problem(".".join(str(part) for part in inner), str(found["msg"]))


async def answer_http(request: Request, error: Exception) -> Response:
    """Render what the framework itself refuses: unknown routes, wrong methods, bodies it cannot read."""
    assert isinstance(error, HTTPException)
    if error.status_code == INVALID and error.__cause__ is not None:
        return _invalid([Problem("body", _unreadable(error.__cause__))])
    path = request.url.path
    known = {
        404: ("not_found", f"there is nothing at {path}", "/openapi.json lists what there is"),
        405: ("invalid_request", f"{request.method} is not possible at {path}", "/openapi.json lists what is"),
    }
    code, message, hint = known.get(error.status_code, ("invalid_request", str(error.detail), None))
    return Answer(answer_body(code, message, hint=hint), status_code=error.status_code, headers=error.headers)


def _unreadable(error: BaseException) -> str:
    """Why JSON could not be read that is none, or more than is taken, in a way no parser gives a place for."""
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8 text: byte 0x{error.object[error.start]:02x} at position {error.start}"
    if isinstance(error, ValueError):
        return f"holds a whole number of more than {sys.get_int_max_str_digits()} digits"
    return "cannot be read"


def install(app: FastAPI) -> None:
    """Make `app` answer every refusal in the one shape."""
    app.add_exception_handler(OrchestratorError, answer_error)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
