"""`mypy --output json`: an object a line, and nothing when there is nothing to say."""

from orchestrator.workloads.pipeline.failures import GarbledReport
from orchestrator.workloads.pipeline.findings import Finding, Severity, one_line
from orchestrator.workloads.pipeline.parsers.documents import Record, read_json, relative

_TOOL = "mypy"
WARNING_CODES = frozenset(
    {"unused-ignore", "redundant-cast", "redundant-expr", "unreachable", "no-any-return", "deprecated"}
)
"""What mypy reports for its options `--warn-…`: the code is suspect, and its types still agree."""


def parse_mypy(text: str, *, root: str) -> tuple[Finding, ...]:
    """The findings, their files seen from `root`; notes are INFO, and WARNING_CODES warnings. Raises GarbledReport."""
    return tuple(_finding(line, root=root) for line in text.splitlines() if line.strip())


def _finding(line: str, *, root: str) -> Finding:
    entry = Record(read_json(line, tool=_TOOL), tool=_TOOL, where="a line")
    code = entry.text_or_none("code") or "misc"
    hint = entry.text_or_none("hint")
    return Finding(
        file=relative(entry.text("file"), root=root),
        line=max(0, entry.whole("line")),
        rule=code,
        message=one_line(entry.text("message") + (f" ({hint})" if hint else "")),
        severity=_severity_of(entry.text("severity"), code),
    )


def _severity_of(word: str, code: str) -> Severity:
    if word == "note":
        return Severity.INFO
    if word != "error":
        raise GarbledReport(f'severity in a line of {_TOOL} must be "error" or "note"; found "{word}"')
    return Severity.WARNING if code in WARNING_CODES else Severity.ERROR
