"""How the end of an evaluation that gave no metrics is told: a cause and a text for a person."""

from __future__ import annotations

import os
import resource
import traceback
from types import TracebackType
from typing import Any

from orchestrator.worker.limits import BACKSTOP, refusal_text
from orchestrator.worker.results import InvalidResult
from orchestrator.worker.trial import Pruned

LONGEST_ERROR_BYTES = 16 * 1024
_OWN_FOLDER = os.path.dirname(__file__) + os.sep


def failure_of(error: BaseException) -> dict[str, Any]:
    """The part of an outcome that says how an evaluation failed, or that it was pruned."""
    if isinstance(error, Pruned):
        return {"pruned": _said(error)}
    if isinstance(error, InvalidResult):
        return {"cause": "invalid_result", "error": shortened(str(error))}
    if isinstance(error, SystemExit):
        return _exit_of(error)
    if isinstance(error, MemoryError) and _memory_is_limited():
        limit_bytes = BACKSTOP.limit_bytes
        told = "" if limit_bytes is None else refusal_text(limit_bytes) + "\n"
        return {"cause": "out_of_memory", "error": told + error_text(error)}
    return {"cause": "raised", "error": error_text(error)}


def _said(error: BaseException) -> str:
    try:
        return shortened(str(error))
    except Exception as failed:  # noqa: BLE001 - a workload's own exception may do anything
        return f"(what it said could not be shown: {type(failed).__name__})"


def _exit_of(error: SystemExit) -> dict[str, Any]:
    code = error.code
    status = 0 if code is None else code if isinstance(code, int) else 1
    return {
        "cause": "exited",
        "exit_status": status,
        "error": shortened(f"the evaluation left by SystemExit({code!r})"),
    }


def _memory_is_limited() -> bool:
    limits = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS))
    return any(limit != resource.RLIM_INFINITY for limit in limits)


def error_text(error: BaseException) -> str:
    """The traceback from the workload's own first frame on, at most 16 KiB."""
    try:
        lines = traceback.format_exception(type(error), error, _first_own_frame(error.__traceback__))
        return shortened("".join(lines).rstrip())
    except Exception as failed:  # noqa: BLE001 - a workload's exception may break whoever prints it
        return f"{type(error).__name__} (it could not be shown: {type(failed).__name__})"


def _first_own_frame(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and _is_machinery(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _is_machinery(file: str) -> bool:
    return file.startswith((_OWN_FOLDER, "<frozen importlib")) or file.endswith(
        ("/importlib/__init__.py", "/asyncio/runners.py")
    )


def shortened(text: str) -> str:
    """The text with its middle left out when it is longer than 16 KiB in UTF-8."""
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) <= LONGEST_ERROR_BYTES:
        return encoded.decode()
    half = LONGEST_ERROR_BYTES // 2 - 64
    left_out = len(encoded) - 2 * half
    head, tail = encoded[:half].decode("utf-8", "ignore"), encoded[-half:].decode("utf-8", "ignore")
    return f"{head}\n[… {left_out} bytes left out …]\n{tail}"
