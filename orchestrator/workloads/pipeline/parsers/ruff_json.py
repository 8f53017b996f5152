"""`ruff check --output-format json`."""

import re

from orchestrator.workloads.pipeline.findings import Finding, Severity, one_line
from orchestrator.workloads.pipeline.parsers.documents import read_json, records_of, relative

_TOOL = "ruff"
_FAMILY = re.compile(r"([A-Z]+)\d")
ERROR_FAMILIES = frozenset({"E", "F", "B", "S", "PLE", "ASYNC", "DTZ", "BLE", "LOG", "G", "PGH", "EXE"})
"""Families whose findings are errors: what can go wrong when the code runs, and what pycodestyle itself calls an error."""


def parse_ruff(text: str, *, root: str) -> tuple[Finding, ...]:
    """The findings, their files seen from `root`. Raises GarbledReport.

    Rules of ERROR_FAMILIES and code that cannot be parsed are errors, all others are warnings.
    """
    return tuple(
        Finding(
            file=relative(entry.text("filename"), root=root),
            line=entry.record("location").whole("row"),
            rule=(rule := entry.text_or_none("code") or "invalid-syntax"),
            message=one_line(entry.text("message")),
            severity=_severity_of(rule),
        )
        for entry in records_of(read_json(text, tool=_TOOL), tool=_TOOL)
    )


def _severity_of(rule: str) -> Severity:
    found = _FAMILY.match(rule)
    return Severity.ERROR if found is None or found[1] in ERROR_FAMILIES else Severity.WARNING
