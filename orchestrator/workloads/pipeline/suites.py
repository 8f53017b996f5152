"""The gates that run tests: `tests` (with coverage, in one run) and `integration`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.worker.trial import Trial
from orchestrator.workloads.pipeline.checks import Metrics, count_metrics, leave_out, tell
from orchestrator.workloads.pipeline.failures import InvalidGate, ToolBroken
from orchestrator.workloads.pipeline.findings import Finding, counts_of
from orchestrator.workloads.pipeline.parsers.coverage_json import Coverage, parse_coverage
from orchestrator.workloads.pipeline.parsers.junit_xml import Suite, parse_junit
from orchestrator.workloads.pipeline.parsers.warnings_json import parse_warnings
from orchestrator.workloads.pipeline.plugin import orchestrator_gate_warnings as plugin
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
from orchestrator.workloads.pipeline.verdict import judge_counts, judge_coverage, left_out

_ALL_PASSED, _SOME_FAILED, _INTERRUPTED = 0, 1, 2  # exit statuses of pytest; an error while collecting interrupts
_NOTHING_COLLECTED = 5
_PLUGIN_FOLDER = Path(plugin.__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one run of pytest has left behind. `coverage` is None when it was not measured."""

    ended: Ended
    suite: Suite
    warnings: tuple[Finding, ...]
    coverage: Coverage | None


def tests(params: Mapping[str, Any], trial: Trial) -> Metrics:
    """Tests in `paths` (default: what pytest's own configuration names), with the coverage of `cover`, in one run.

    Also `coverage_passed`, `coverage_blocks`, `coverage_ran` and `coverage_percent`, the coverage being a gate of its own.
    """
    request = request_of("tests", params, trial)
    if not request.is_wanted:
        return leave_out("tests", f"lane {request.lane.name} does not run it") | left_out("coverage")
    if _is_left_out(request):
        return leave_out("tests", "pytest is not installed, and optional in this lane") | left_out("coverage")
    measure = _measures_coverage(request)
    ran = _run(request, measure=measure)
    metrics = _judge("tests", ran, request)
    return metrics | (_judge_coverage(ran.coverage, request) if ran.coverage else left_out("coverage"))


def integration(params: Mapping[str, Any], trial: Trial) -> Metrics:
    """Tests in `paths`, which must be named; coverage is not measured."""
    request = request_of("integration", params, trial)
    if not request.is_wanted:
        return leave_out("integration", f"lane {request.lane.name} does not run it")
    if not request.paths:
        raise InvalidGate('the stage integration needs paths: arguments = { paths = ["tests/integration"] }')
    if _is_left_out(request):
        return leave_out("integration", "pytest is not installed, and optional in this lane")
    return _judge("integration", _run(request, measure=False), request)


def _is_left_out(request: Request) -> bool:
    optional = request.rules("pytest").optional
    return optional and bool(missing_modules(request.python, ["pytest"], folder=request.checkout))


def _measures_coverage(request: Request) -> bool:
    rules = request.rules("coverage")
    if not rules.enabled:
        leave_out("coverage", f"lane {request.lane.name} does not run it")
        return False
    if rules.optional and missing_modules(request.python, ["pytest_cov"], folder=request.checkout):
        leave_out("coverage", f"pytest-cov is not installed for {request.python}, and optional in this lane")
        return False
    return True


def _run(request: Request, *, measure: bool) -> Ran:
    needed = {"pytest": "pytest"} | ({"pytest_cov": "pytest-cov"} if measure else {})
    expect_installed(request.python, needed, folder=request.checkout)
    junit, warnings, coverage = (
        fresh(request.scratch / name) for name in ("junit.xml", "warnings.json", "coverage.json")
    )
    words = [f"--junit-xml={junit}", "-o", "junit_family=xunit1", "-p", plugin.__name__.rpartition(".")[2]]
    if measure:
        words += [f"--cov={path}" for path in request.cover] or ["--cov"]
        words += [f"--cov-report=json:{coverage}", "--cov-fail-under=0"]  # the lane judges, not the tool
    ended = run_tool(
        Invocation(
            python=request.python,
            module="pytest",
            words=[*words, "--", *request.paths],
            folder=request.checkout,
            scratch=request.scratch,
            timeout_seconds=request.rules("pytest").timeout_seconds,
            environment=_environment(request, warnings),
        )
    )
    suite = _believed(parse_junit(read_report(junit, tool="pytest", ended=ended)), ended)
    found = parse_warnings(read_report(warnings, tool="pytest", ended=ended), root=str(request.checkout))
    measured = parse_coverage(read_report(coverage, tool="coverage", ended=ended)) if measure else None
    return Ran(ended=ended, suite=suite, warnings=found, coverage=measured)


def _environment(request: Request, warnings: Path) -> dict[str, str]:
    """The plugin is found, and nothing is written into the checkout but what its own configuration asks for."""
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(_PLUGIN_FOLDER))))
    return {"PYTHONPATH": path, plugin.TARGET: str(warnings), "COVERAGE_FILE": str(request.scratch / "coverage.data")}


def _believed(suite: Suite, ended: Ended) -> Suite:
    """The suite, when the exit status says the same. Raises ToolBroken."""
    if ended.status == _NOTHING_COLLECTED or not suite.count:
        raise ToolBroken("pytest found no test: nothing was checked; are the paths right?")
    found = suite.failures + suite.errors
    agree = {_ALL_PASSED: not found, _SOME_FAILED: found > 0, _INTERRUPTED: suite.errors > 0}
    if not agree.get(ended.status, False):
        raise ToolBroken(
            f"pytest ended with status {ended.status}, its report has {found} failures: {ended.last_words}"
        )
    return suite


def _judge(stage: str, ran: Ran, request: Request) -> Metrics:
    suite, findings = ran.suite, (*ran.suite.findings, *ran.warnings)
    counts = counts_of(findings)
    verdict = judge_counts(counts, rules=request.rules("pytest"), lane=request.lane)
    tell(stage, "pytest", verdict, findings, request)
    print(
        f"{suite.count} tests: {suite.passed} passed, {suite.failures} failed, {suite.errors} errors, {suite.skips} skipped; "
        f"took {ran.ended.seconds:.3g} s"
    )
    rate = suite.pass_rate
    numbers: Metrics = {"count": suite.count, "failures": suite.failures, "skips": suite.skips}
    numbers |= {} if rate is None else {"pass_rate": rate}
    named = {f"{stage}_{name}": value for name, value in numbers.items()}
    return verdict.metrics(stage) | count_metrics(stage, counts) | {f"{stage}_errors": suite.errors} | named


def _judge_coverage(coverage: Coverage, request: Request) -> Metrics:
    verdict = judge_coverage(coverage.percent, rules=request.rules("coverage"), lane=request.lane)
    tell("coverage", "coverage", verdict, coverage.findings, request)
    return verdict.metrics("coverage") | {"coverage_percent": coverage.percent}
