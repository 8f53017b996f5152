"""What the daemon refuses, as the exceptions of `orchestrator.errors`."""

import json
from collections.abc import Iterator
from typing import Any

from orchestrator.client.wire import Head
from orchestrator.errors import OrchestratorError, Problem

FIRST_ERROR_STATUS = 400
NOT_FOUND_STATUS = 404


def _all_below(kind: type[OrchestratorError]) -> Iterator[type[OrchestratorError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _all_below(below)


def error_of(value: Any) -> OrchestratorError:
    """The exception an error document stands for; a code nobody knows becomes the root, with the code in its message."""
    kinds = {kind.code: kind for kind in _all_below(OrchestratorError)}
    code, message = str(value.get("code", "")), str(value.get("message") or "")
    kind = kinds.get(code)
    if kind is None:
        kind, message = OrchestratorError, f"{message} ({code})"
    problems = [
        Problem(str(each.get("where", "")), str(each.get("message", ""))) for each in value.get("problems") or ()
    ]
    return kind(message or None, hint=value.get("hint"), problems=problems)


def read_error(head: Head, body: bytes) -> OrchestratorError:
    """The exception for an answer with a status of 400 or more, whatever its body is."""
    try:
        return error_of(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError, AttributeError):
        text = " ".join(body[:200].decode("utf-8", "replace").split())
    version = head.headers.get("orchestrator-version")
    hint = (
        f"the daemon is version {version}: does it know this command?"
        if version and head.status == NOT_FOUND_STATUS
        else None
    )
    return OrchestratorError(f"the daemon answered with status {head.status}: {text or 'nothing'}", hint=hint)


def as_document(error: OrchestratorError) -> dict[str, Any]:
    """The JSON shape of an error, the same on the socket and on the command line."""
    problems = [{"where": each.where, "message": each.message} for each in error.problems]
    return {"error": {"code": error.code, "message": error.message, "hint": error.hint, "problems": problems}}
