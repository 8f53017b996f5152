"""What a gate prints: a line with the verdict, the worst findings, what to do. Plain text, in colour on a terminal."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from orchestrator.workloads.pipeline.findings import Finding, Severity, one_line, worst_first
from orchestrator.workloads.pipeline.hints import Hint
from orchestrator.workloads.pipeline.lanes import Lane
from orchestrator.workloads.pipeline.verdict import Verdict

MOST_FINDINGS = 20
_COLOURS = {Severity.INFO: "34", Severity.WARNING: "33", Severity.ERROR: "31", Severity.CRITICAL: "1;31"}
_GREEN, _RED = "32", "31"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One gate's part of the text."""

    gate: str
    verdict: Verdict
    findings: Sequence[Finding]
    hints: Sequence[Hint]


def wants_colour(stream: TextIO, environment: Mapping[str, str] | None = None) -> bool:
    """Colour only on a terminal, and not when NO_COLOR is set to anything."""
    environment = os.environ if environment is None else environment
    return stream.isatty() and not environment.get("NO_COLOR")


def text_of(section: Section, *, lane: Lane, colour: bool) -> str:
    """The verdict, at most MOST_FINDINGS findings from the worst on, and the hints when it has not passed."""
    lines = [_verdict_line(section, lane, colour=colour)]
    shown = worst_first(section.findings)[:MOST_FINDINGS]
    lines += [
        f"  {_painted(finding.place, _COLOURS[finding.severity], colour=colour)} {_rest(finding)}" for finding in shown
    ]
    hidden = len(section.findings) - len(shown)
    if hidden:
        lines.append(f"  and {hidden} more")
    if section.hints and not section.verdict.passed:
        lines += ["what to do", *(f"  {one_line(hint.text, longest=400)}" for hint in section.hints)]
    return "\n".join(lines)


def _verdict_line(section: Section, lane: Lane, *, colour: bool) -> str:
    verdict = section.verdict
    word = "passed" if verdict.passed else "FAILED"
    effect = "" if verdict.passed else "; this blocks" if verdict.blocks else "; this blocks nothing in this lane"
    painted = _painted(word, _GREEN if verdict.passed else _RED, colour=colour)
    return f"{section.gate} {painted} in lane {lane.name}: {verdict.reason}{effect}"


def _rest(finding: Finding) -> str:
    return f"{finding.rule} {finding.message}"


def _painted(text: str, code: str, *, colour: bool) -> str:
    return f"\033[{code}m{text}\033[0m" if colour else text
