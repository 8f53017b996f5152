"""`bandit -f json`."""

from collections import Counter
from dataclasses import dataclass

from orchestrator.workloads.pipeline.failures import GarbledReport
from orchestrator.workloads.pipeline.findings import Finding, Severity, one_line
from orchestrator.workloads.pipeline.parsers.documents import Record, read_json, relative

_TOOL = "bandit"
_SEVERITIES = {"UNDEFINED": Severity.INFO, "LOW": Severity.INFO, "MEDIUM": Severity.WARNING, "HIGH": Severity.ERROR}


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityReport:
    """What bandit found, and how many findings of each of its own severities. A file it could not read is an error."""

    findings: tuple[Finding, ...]
    files: int  # that it has looked at
    high: int
    medium: int
    low: int


def parse_bandit(text: str, *, root: str) -> SecurityReport:
    """The report, files seen from `root`: high severity is an error, medium a warning, low is told only. Raises GarbledReport."""
    report = Record(read_json(text, tool=_TOOL), tool=_TOOL)
    results = report.records("results")
    counts = Counter(entry.text("issue_severity") for entry in results)
    return SecurityReport(
        findings=(
            *(_unread(entry, root=root) for entry in report.records("errors")),
            *(_finding(entry, root=root) for entry in results),
        ),
        files=len(report.items("metrics")) - 1,  # the last are the totals
        high=counts["HIGH"],
        medium=counts["MEDIUM"],
        low=counts["LOW"],
    )


def _finding(entry: Record, *, root: str) -> Finding:
    word = entry.text("issue_severity")
    if word not in _SEVERITIES:
        raise GarbledReport(f'issue_severity of {_TOOL} must be of {", ".join(_SEVERITIES)}; found "{word}"')
    confidence = (entry.text_or_none("issue_confidence") or "undefined").lower()
    return Finding(
        file=relative(entry.text("filename"), root=root),
        line=entry.whole("line_number"),
        rule=entry.text("test_id"),
        message=one_line(f"{entry.text('issue_text')} ({word.lower()} severity, {confidence} confidence)"),
        severity=_SEVERITIES[word],
    )


def _unread(entry: Record, *, root: str) -> Finding:
    return Finding(
        file=relative(entry.text("filename"), root=root),
        line=0,
        rule="unread",
        message=one_line(f"was not checked: {entry.text('reason')}"),
        severity=Severity.ERROR,
    )
