"""What the daemon refuses, as the exceptions of `orchestrator.errors`."""

import json
from typing import Any

from orchestrator.client.wire import Head
from orchestrator.errors import OrchestratorError, Problem

FIRST_ERROR_STATUS = 400
NOT_FOUND_STATUS = 404


def _kinds() -> dict[str, type[OrchestratorError]]:
    """The class of each code; of several with one code, the most general."""
    found: dict[str, type[OrchestratorError]] = {}
    level: list[type[OrchestratorError]] = [OrchestratorError]
    while level:
        for kind in level:
            found.setdefault(kind.code, kind)
        level = [below for kind in level for below in kind.__subclasses__()]
    return found


def error_of(value: Any) -> OrchestratorError:
    """The exception an error document stands for; a code nobody knows becomes the root, with the code in its message."""
    code, message = str(value.get("code", "")), str(value.get("message") or "")
    kind = _kinds().get(code)
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
