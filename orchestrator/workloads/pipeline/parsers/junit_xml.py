"""`pytest --junit-xml`, of the family xunit1: the one that says in which file and line a test is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from orchestrator.workloads.pipeline.failures import GarbledReport
from orchestrator.workloads.pipeline.findings import Finding, Severity, one_line

_PLACE = re.compile(r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+): ", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What became of the tests. A test counts once: an error in its set-up or tear-down makes it an error."""

    count: int
    passed: int
    failures: int  # an assertion failed, or the test raised
    errors: int  # it could not be collected, set up or torn down
    skips: int  # expected failures among them
    findings: tuple[Finding, ...]

    @property
    def pass_rate(self) -> float | None:
        """What is passed / (passed + failures + errors); None when none of them ran."""
        ran = self.passed + self.failures + self.errors
        return self.passed / ran if ran else None


def parse_junit(text: str) -> Suite:
    """The tests in a report. Raises GarbledReport, also for one with a document type: entities could fill the memory."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # pytest escapes what tests print: only a forged report has one
        raise GarbledReport("the JUnit report of pytest must not define entities")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  # nosec B314 - entities are refused above
    except ElementTree.ParseError as error:
        raise GarbledReport(f"the JUnit report of pytest is not XML: {error}") from None
    if root.tag not in {"testsuites", "testsuite"}:
        raise GarbledReport(f"the JUnit report of pytest must be <testsuites>; found <{root.tag}>")
    cases = list(root.iter("testcase"))
    verdicts = [_verdict(case) for case in cases]
    return Suite(
        count=len(cases),
        passed=verdicts.count("passed"),
        failures=verdicts.count("failure"),
        errors=verdicts.count("error"),
        skips=verdicts.count("skipped"),
        findings=tuple(finding for case in cases for finding in _findings(case)),
    )


def _verdict(case: ElementTree.Element) -> str:
    return next((tag for tag in ("error", "failure", "skipped") if case.find(tag) is not None), "passed")


def _findings(case: ElementTree.Element) -> Iterator[Finding]:
    for tag, rule in (("error", "error"), ("failure", "failed")):
        for found in case.iter(tag):
            file, line = _place(case, found.text or "")
            message = f"{_name(case)}: {found.get('message') or (found.text or '').strip().splitlines()[-1:]}"
            yield Finding(file=file, line=line, rule=rule, message=one_line(message), severity=Severity.ERROR)


def _place(case: ElementTree.Element, text: str) -> tuple[str, int]:
    """Where it went wrong: the last line of the test's own file in the traceback, else where the test begins."""
    file = case.get("file") or (case.get("name") or "").replace(".", "/")
    own = [int(found["line"]) for found in _PLACE.finditer(text) if found["file"] == file]
    return file, own[-1] if own else int(case.get("line") or -1) + 1


def _name(case: ElementTree.Element) -> str:
    """`TestGroup.test_param[2]`."""
    module = (case.get("file") or "").removesuffix(".py").replace("/", ".")
    group = (case.get("classname") or "").removeprefix(module).strip(".")
    return f"{group}.{case.get('name')}" if group else case.get("name") or "a test"
