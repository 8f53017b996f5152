"""A plugin of pytest that writes the warnings of the run as JSON: the JUnit report does not have them."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

TARGET = "ORCHESTRATOR_GATE_WARNINGS"
"""The variable with the path of the report."""

_recorded: list[dict[str, Any]] = []


def pytest_warning_recorded(warning_message: warnings.WarningMessage) -> None:
    """Called by pytest for each warning it would show."""
    _recorded.append(
        {
            "file": warning_message.filename,
            "line": warning_message.lineno,
            "category": warning_message.category.__name__,
            "message": str(warning_message.message),
        }
    )


def pytest_unconfigure(config: Any) -> None:
    """Called by pytest at its end; a process that only runs a part of the tests for another writes nothing."""
    if hasattr(config, "workerinput"):
        return
    with open(os.environ[TARGET], "w", encoding="utf-8") as file:  # noqa: PTH123 - as little as possible is loaded
        json.dump(_recorded, file)
