"""The warnings of a run of pytest, as the plugin `orchestrator_gate_warnings` writes them."""

from orchestrator.workloads.pipeline.findings import Finding, Severity, one_line
from orchestrator.workloads.pipeline.parsers.documents import read_json, records_of, relative

_TOOL = "pytest's warnings"


def parse_warnings(text: str, *, root: str) -> tuple[Finding, ...]:
    """Each warning where it was caused, its file seen from `root`. Raises GarbledReport."""
    return tuple(
        Finding(
            file=relative(entry.text("file"), root=root),
            line=entry.whole("line"),
            rule=entry.text("category"),
            message=one_line(entry.text("message")),
            severity=Severity.WARNING,
        )
        for entry in records_of(read_json(text, tool=_TOOL), tool=_TOOL)
    )
