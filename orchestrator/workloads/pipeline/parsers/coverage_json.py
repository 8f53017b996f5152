"""`coverage json`, which pytest-cov writes with `--cov-report=json:PATH`."""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.workloads.pipeline.failures import GarbledReport
from orchestrator.workloads.pipeline.findings import Finding, Severity
from orchestrator.workloads.pipeline.parsers.documents import Record, read_json

_TOOL = "coverage"
_ALL_PERCENT = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much ran. `findings` has each file with lines that did not, the most of them first."""

    percent: float
    statements: int
    missing: int
    findings: tuple[Finding, ...]


def parse_coverage(text: str) -> Coverage:
    """The report. Raises GarbledReport, also when nothing was measured: 100 % of nothing is no answer."""
    report = Record(read_json(text, tool=_TOOL), tool=_TOOL)
    totals = report.record("totals")
    percent, statements = totals.number("percent_covered"), totals.whole("num_statements")
    if not statements:
        raise GarbledReport('coverage measured no statement: name what to measure, arguments = { cover = ["src"] }')
    if not 0 <= percent <= _ALL_PERCENT:
        raise GarbledReport(f"percent_covered of {_TOOL} must be from 0 to 100; found {percent}")
    files = sorted(_uncovered(report), key=lambda each: (-each[0], each[1].file))
    return Coverage(
        percent=round(percent, 3),
        statements=statements,
        missing=totals.whole("missing_lines"),
        findings=tuple(finding for _, finding in files),
    )


def _uncovered(report: Record) -> Iterator[tuple[int, Finding]]:
    for file, entry in report.items("files"):
        summary, missing = entry.record("summary"), entry.wholes("missing_lines")
        if missing:
            percent, statements = summary.number("percent_covered"), summary.whole("num_statements")
            message = f"{percent:.0f} % covered: {len(missing)} of {statements} statements did not run"
            yield (
                len(missing),
                Finding(file=file, line=missing[0], rule="uncovered", message=message, severity=Severity.INFO),
            )
