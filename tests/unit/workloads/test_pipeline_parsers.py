"""Claims about the parsers of tools' reports, on reports the real tools have written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.workloads.pipeline.failures import GarbledReport
from orchestrator.workloads.pipeline.findings import Finding, Severity, counts_of
from orchestrator.workloads.pipeline.parsers.bandit_json import parse_bandit
from orchestrator.workloads.pipeline.parsers.coverage_json import parse_coverage
from orchestrator.workloads.pipeline.parsers.junit_xml import parse_junit
from orchestrator.workloads.pipeline.parsers.mypy_json import parse_mypy
from orchestrator.workloads.pipeline.parsers.ruff_json import parse_ruff
from orchestrator.workloads.pipeline.parsers.warnings_json import parse_warnings

RECORDED = Path(__file__).parents[2] / "fixtures" / "pipeline"
ROOT = "/checkout"


def recorded(name: str) -> str:
    return (RECORDED / name).read_text(encoding="utf-8")


def rows(findings: tuple[Finding, ...]) -> list[tuple[str, str, Severity]]:
    return [(finding.place, finding.rule, finding.severity) for finding in findings]


def test_ruff_findings_have_places_rules_and_severities() -> None:
    """Of a recorded report every finding comes back, style as a warning and what can go wrong as an error."""
    found = parse_ruff(recorded("ruff-bad.json"), root=ROOT)

    assert sorted(rows(found)) == [
        ("pkg/calc.py:1", "F401", Severity.ERROR),
        ("pkg/calc.py:1", "I001", Severity.WARNING),
        ("pkg/calc.py:4", "UP035", Severity.WARNING),
        ("pkg/calc.py:7", "B006", Severity.ERROR),
        ("pkg/calc.py:7", "UP006", Severity.WARNING),
        ("pkg/calc.py:8", "S602", Severity.ERROR),
        ("pkg/calc.py:8", "S607", Severity.ERROR),
        ("pkg/calc.py:9", "S324", Severity.ERROR),
    ]


def test_mypy_findings_have_places_codes_and_severities() -> None:
    """Of a recorded report the one type error comes back with its place and message."""
    assert parse_mypy(recorded("mypy-bad.jsonl"), root=ROOT) == (
        Finding(
            file="pkg/calc.py",
            line=10,
            rule="return-value",
            message='Incompatible return value type (got "float", expected "str")',
            severity=Severity.ERROR,
        ),
    )


@pytest.mark.parametrize(
    ("severity", "code", "expected"),
    [
        ("error", "unused-ignore", Severity.WARNING),
        ("error", "arg-type", Severity.ERROR),
        ("note", None, Severity.INFO),
    ],
)
def test_what_mypy_warns_of_is_no_error(severity: str, code: str | None, expected: Severity) -> None:
    """Notes are told only, and codes of the --warn options are warnings."""
    word = "null" if code is None else f'"{code}"'
    line = f'{{"file": "a.py", "line": 3, "message": "m", "hint": "h", "code": {word}, "severity": "{severity}"}}'
    (found,) = parse_mypy(line, root=ROOT)

    assert (found.severity, found.message, found.rule) == (expected, "m (h)", code or "misc")


def test_bandit_counts_its_own_severities() -> None:
    """High is an error, medium a warning, low is told; and the three numbers are those of the report."""
    report = parse_bandit(recorded("bandit-bad.json"), root=ROOT)

    assert (report.files, report.high, report.medium, report.low) == (2, 1, 0, 3)
    assert sorted(rows(report.findings)) == [
        ("pkg/calc.py:2", "B404", Severity.INFO),
        ("pkg/calc.py:8", "B602", Severity.INFO),
        ("pkg/calc.py:8", "B607", Severity.INFO),
        ("pkg/calc.py:9", "B324", Severity.ERROR),
    ]


def test_a_file_that_bandit_cannot_read_is_an_error() -> None:
    """A file nobody has checked fails the gate although bandit itself ends with status 0."""
    report = parse_bandit(recorded("bandit-broken.json"), root=ROOT)

    assert rows(report.findings) == [("pkg/calc.py", "unread", Severity.ERROR)]
    assert report.high == 0


def test_tests_are_counted_by_what_became_of_them() -> None:
    """Passed, failed, in error and skipped add up to all tests, and the rate leaves the skipped ones out."""
    suite = parse_junit(recorded("junit-bad.xml"))

    assert (suite.count, suite.passed, suite.failures, suite.errors, suite.skips) == (7, 2, 2, 1, 2)
    assert suite.pass_rate == pytest.approx(2 / 5)
    assert [(finding.place, finding.rule, finding.message.partition(":")[0]) for finding in suite.findings] == [
        ("tests/test_calc.py:9", "failed", "test_wrong"),
        ("tests/test_calc.py:14", "error", "test_error"),
        ("tests/test_calc.py:38", "failed", "TestGroup.test_number[2]"),
    ]


def test_a_module_that_cannot_be_imported_is_an_error() -> None:
    """A collection error counts as one test in error, at its file."""
    suite = parse_junit(recorded("junit-broken.xml"))

    assert (suite.count, suite.errors, suite.passed, suite.pass_rate) == (1, 1, 0, 0.0)
    assert suite.findings[0].file == "tests/test_calc.py"


def test_no_test_has_no_rate() -> None:
    """Of an empty run the pass rate is unknown, neither 0 nor 1."""
    suite = parse_junit(recorded("junit-none.xml"))

    assert (suite.count, suite.pass_rate) == (0, None)


def test_coverage_names_the_files_with_lines_that_did_not_run() -> None:
    """The percentage is that of the totals, and a file with missing lines is told at the first of them."""
    coverage = parse_coverage(recorded("coverage-good.json"))

    assert (coverage.percent, coverage.statements, coverage.missing) == (60.0, 5, 2)
    assert [finding.text for finding in coverage.findings] == [
        "pkg/calc.py:7 uncovered 60 % covered: 2 of 5 statements did not run"
    ]


def test_warnings_are_told_where_they_were_caused() -> None:
    """A recorded warning comes back with its category as the rule."""
    (found,) = parse_warnings(recorded("warnings-bad.json"), root=ROOT)

    assert found.text == "tests/test_calc.py:32 DeprecationWarning half() goes away"
    assert found.severity is Severity.WARNING


@pytest.mark.parametrize(
    "findings",
    [
        parse_ruff(recorded("ruff-good.json"), root=ROOT),
        parse_mypy(recorded("mypy-good.jsonl"), root=ROOT),
        parse_bandit(recorded("bandit-good.json"), root=ROOT).findings,
        parse_junit(recorded("junit-good.xml")).findings,
        parse_warnings(recorded("warnings-good.json"), root=ROOT),
    ],
    ids=["ruff", "mypy", "bandit", "junit", "warnings"],
)
def test_a_good_report_has_no_finding(findings: tuple[Finding, ...]) -> None:
    """A recorded report of a project without faults gives nothing."""
    assert findings == ()


def test_code_that_cannot_be_parsed_is_an_error_for_every_reader() -> None:
    """ruff and mypy report a broken file as errors, not as an empty report."""
    ruff = parse_ruff(recorded("ruff-broken.json"), root=ROOT)
    mypy = parse_mypy(recorded("mypy-broken.jsonl"), root=ROOT)

    assert {finding.rule for finding in ruff} == {"invalid-syntax"}
    assert {finding.rule for finding in mypy} == {"syntax"}
    assert counts_of(ruff).errors == counts_of(mypy).errors == 2


PARSERS: dict[str, Callable[[str], Any]] = {
    "ruff": lambda text: parse_ruff(text, root=ROOT),
    "mypy": lambda text: parse_mypy(text, root=ROOT),
    "bandit": lambda text: parse_bandit(text, root=ROOT),
    "junit": parse_junit,
    "coverage": parse_coverage,
    "warnings": lambda text: parse_warnings(text, root=ROOT),
}
GARBLED = [
    ("ruff", ""),
    ("ruff", recorded("ruff-bad.json")[:-40]),
    ("ruff", '{"results": []}'),
    ("ruff", '[{"filename": "a.py"}]'),
    ("ruff", '[{"filename": "a.py", "location": {"row": "1"}, "code": "F401", "message": "m"}]'),
    ("mypy", "Traceback (most recent call last):"),
    ("mypy", '{"file": "a.py"}'),
    ("mypy", '{"file": "a.py", "line": 1, "message": "m", "code": "x", "severity": "fatal"}'),
    ("mypy", "[]"),
    ("bandit", ""),
    ("bandit", "[]"),
    ("bandit", '{"results": []}'),
    ("bandit", recorded("bandit-bad.json").replace('"HIGH"', '"HUGE"')),
    ("junit", ""),
    ("junit", recorded("junit-bad.xml")[:-20]),
    ("junit", "<html/>"),
    ("junit", '<!DOCTYPE a [<!ENTITY b "c">]><testsuites>&b;</testsuites>'),
    ("coverage", "{}"),
    ("coverage", recorded("coverage-good.json").replace('"percent_covered": 60.0', '"percent_covered": 166.0')),
    ("coverage", '{"files": {}, "totals": {"percent_covered": 100.0, "num_statements": 0, "missing_lines": 0}}'),
    ("warnings", "{}"),
    ("warnings", '[{"file": 1}]'),
]


@pytest.mark.parametrize(("parser", "text"), GARBLED)
def test_a_garbled_report_is_refused(parser: str, text: str) -> None:
    """What is empty, cut off, of another shape or impossible raises instead of counting as no finding."""
    with pytest.raises(GarbledReport, match=parser if parser not in {"junit", "warnings"} else "pytest"):
        PARSERS[parser](text)
