"""The gates that read code: `lint` (ruff), `types` (mypy), `security` (bandit)."""

import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.worker.trial import Trial
from orchestrator.workloads.pipeline.failures import GarbledReport, ToolBroken
from orchestrator.workloads.pipeline.findings import Counts, Finding, counts_of
from orchestrator.workloads.pipeline.hints import hints_for
from orchestrator.workloads.pipeline.parsers.bandit_json import parse_bandit
from orchestrator.workloads.pipeline.parsers.mypy_json import parse_mypy
from orchestrator.workloads.pipeline.parsers.ruff_json import parse_ruff
from orchestrator.workloads.pipeline.printing import Section, text_of, wants_colour
from orchestrator.workloads.pipeline.request import Request, request_of
from orchestrator.workloads.pipeline.tool import (
    Ended,
    Invocation,
    expect_installed,
    fresh,
    missing_modules,
    read_report,
    run_tool,
)
from orchestrator.workloads.pipeline.verdict import Verdict, judge_counts, left_out

Metrics = dict[str, float]
_EXCLUDED = ".git,.venv,venv,.tox,.nox,.eggs,node_modules,__pycache__,build,dist"
_NO_FILES = "No Python files found"  # ruff's report does not say how many it has looked at, its warning does
_NORMAL_STATUSES = {"ruff": {0, 1}, "mypy": {0, 1, 2}, "bandit": {0, 1}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a report says: findings, and numbers of the tool's own."""

    findings: tuple[Finding, ...]
    numbers: Mapping[str, float]
    is_about_nothing: bool = False  # no file was looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How a tool is asked, and how its report is read."""

    tool: str
    words: Callable[[Request, Path], Sequence[str]]  # what follows the module's name; the report goes to the path
    read: Callable[[str, str], Read]  # the report's text, the root of the checkout
    printed: bool = False  # the report is what the tool prints


def lint(params: Mapping[str, Any], trial: Trial) -> Metrics:
    """What ruff says about `paths` (default: all of the checkout)."""
    return _run("lint", RUFF, request_of("lint", params, trial))


def types(params: Mapping[str, Any], trial: Trial) -> Metrics:
    """What mypy says about `paths` (default: what its own configuration names)."""
    return _run("types", MYPY, request_of("types", params, trial))


def security(params: Mapping[str, Any], trial: Trial) -> Metrics:
    """What bandit says about `paths` (default: all of the checkout but virtual environments and what was built).

    Also `security_findings_high`, `security_findings_medium` and `security_findings_low`, by bandit's own severities.
    """
    return _run("security", BANDIT, request_of("security", params, trial))


def _run(stage: str, check: Check, request: Request) -> Metrics:
    rules = request.rules(check.tool)
    if not request.is_wanted:
        return leave_out(stage, f"lane {request.lane.name} does not run it")
    if rules.optional and missing_modules(request.python, [check.tool], folder=request.checkout):
        return leave_out(stage, f"{check.tool} is not installed for {request.python}, and optional in this lane")
    expect_installed(request.python, {check.tool: check.tool}, folder=request.checkout)
    ended, read = _findings(check, request)
    counts = counts_of(read.findings)
    verdict = judge_counts(counts, rules=rules, lane=request.lane)
    tell(stage, check.tool, verdict, read.findings, request)
    print(f"took {ended.seconds:.3g} s")
    numbers = {f"{stage}_{name}": value for name, value in read.numbers.items()}
    return verdict.metrics(stage) | count_metrics(stage, counts) | numbers


def _findings(check: Check, request: Request) -> tuple[Ended, Read]:
    """Run the tool and believe it only when its status and its report agree."""
    report = fresh(request.scratch / f"{check.tool}.report")
    ended = run_tool(
        Invocation(
            python=request.python,
            module=check.tool,
            words=check.words(request, report),
            folder=request.checkout,
            scratch=request.scratch,
            timeout_seconds=request.rules(check.tool).timeout_seconds,
        )
    )
    if ended.status not in _NORMAL_STATUSES[check.tool]:
        raise ToolBroken(f"{check.tool} ended with status {ended.status}: {ended.last_words}")
    text = ended.output if check.printed else read_report(report, tool=check.tool, ended=ended)
    try:
        read = check.read(text, str(request.checkout))
    except GarbledReport as garbled:
        raise GarbledReport(f"{garbled}; status {ended.status}, last words: {ended.last_words}") from None
    if read.is_about_nothing or _NO_FILES in ended.complaints:
        raise ToolBroken(f"{check.tool} found no Python file: nothing was checked; are the paths right?")
    if ended.status and not read.findings:
        raise ToolBroken(f"{check.tool} ended with status {ended.status} and reports nothing: {ended.last_words}")
    return ended, read


def leave_out(gate: str, why: str) -> Metrics:
    """Say that a gate did not run, and why."""
    print(f"{gate} left out: {why}")
    return left_out(gate)


def tell(gate: str, tool: str, verdict: Verdict, findings: Sequence[Finding], request: Request) -> None:
    """Print a gate's part of the text."""
    section = Section(gate=gate, verdict=verdict, findings=findings, hints=hints_for(tool, findings))
    print(text_of(section, lane=request.lane, colour=wants_colour(sys.stdout)))


def count_metrics(prefix: str, counts: Counts) -> Metrics:
    """Findings by severity, as numbers."""
    return {f"{prefix}_errors": counts.errors, f"{prefix}_warnings": counts.warnings, f"{prefix}_infos": counts.infos}


def _ruff_words(request: Request, report: Path) -> list[str]:
    options = ["check", "--output-format", "json", "--output-file", str(report), "--no-fix"]
    return [*options, "--", *(request.paths or (".",))]


def _mypy_words(request: Request, _report: Path) -> list[str]:
    return ["--output", "json", "--no-error-summary", "--no-color-output", "--", *request.paths]


def _bandit_words(request: Request, report: Path) -> list[str]:
    options = ["--quiet", "--format", "json", "--output", str(report), "--recursive"]
    configured = ["--configfile", "pyproject.toml"] if _configures_bandit(request.checkout) else []
    return [*options, *configured, "--exclude", _excluded(request), "--", *(request.paths or (".",))]


def _excluded(request: Request) -> str:
    """Below each path that is looked at: bandit compares with the paths as it meets them."""
    roots = request.paths or (".",)
    return ",".join(f"{root.rstrip('/')}/{name}" for root in roots for name in _EXCLUDED.split(","))


def _configures_bandit(checkout: Path) -> bool:
    try:
        document = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return "bandit" in document.get("tool", {})


def _read_bandit(text: str, root: str) -> Read:
    report = parse_bandit(text, root=root)
    numbers = {"findings_high": report.high, "findings_medium": report.medium, "findings_low": report.low}
    return Read(findings=report.findings, numbers=numbers, is_about_nothing=not report.files)


RUFF = Check(
    tool="ruff", words=_ruff_words, read=lambda text, root: Read(findings=parse_ruff(text, root=root), numbers={})
)
MYPY = Check(
    tool="mypy",
    words=_mypy_words,
    read=lambda text, root: Read(findings=parse_mypy(text, root=root), numbers={}),
    printed=True,
)
BANDIT = Check(tool="bandit", words=_bandit_words, read=_read_bandit)
