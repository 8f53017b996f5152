"""Claims about verdicts, hints and what a gate prints."""

import io

import pytest

from orchestrator.workloads.pipeline import load_lanes
from orchestrator.workloads.pipeline.findings import Counts, Finding, Severity, counts_of, one_line, worst_first
from orchestrator.workloads.pipeline.hints import BANDIT, COVERAGE, GENERAL, MYPY, PYTEST, RUFF, family_of, hints_for
from orchestrator.workloads.pipeline.printing import MOST_FINDINGS, Section, text_of, wants_colour
from orchestrator.workloads.pipeline.verdict import judge_counts, judge_coverage, left_out

LANES = load_lanes().lanes


def finding(rule: str, *, line: int = 1, severity: Severity = Severity.ERROR, file: str = "a.py") -> Finding:
    return Finding(file=file, line=line, rule=rule, message="says why", severity=severity)


@pytest.mark.parametrize(
    ("lane", "errors", "warnings", "passed", "blocks"),
    [
        ("docs", 0, 5, True, False),
        ("docs", 0, 6, False, False),
        ("docs", 1, 0, False, False),
        ("standard", 0, 3, True, False),
        ("standard", 0, 4, False, True),
        ("standard", 1, 0, False, True),
        ("heavy", 0, 0, True, False),
        ("heavy", 0, 1, False, True),
    ],
)
def test_counts_are_compared_with_what_the_lane_allows(
    lane: str, errors: int, warnings: int, passed: bool, blocks: bool
) -> None:
    """One more than allowed of either fails ruff; whether that blocks is the severity's affair."""
    counts = Counts(infos=9, warnings=warnings, errors=errors)
    verdict = judge_counts(counts, rules=LANES[lane].gates["ruff"], lane=LANES[lane])

    assert (verdict.passed, verdict.blocks) == (passed, blocks)
    assert verdict.metrics("lint") == {"lint_ran": 1, "lint_passed": int(passed), "lint_blocks": int(blocks)}


@pytest.mark.parametrize(
    ("lane", "percent", "passed", "blocks"),
    [("standard", 75.0, True, False), ("standard", 74.9, False, False), ("heavy", 84.9, False, True)],
)
def test_coverage_is_compared_with_the_lanes_minimum(lane: str, percent: float, passed: bool, blocks: bool) -> None:
    """Exactly the minimum passes; less blocks in heavy and not in standard."""
    verdict = judge_coverage(percent, rules=LANES[lane].gates["coverage"], lane=LANES[lane])

    assert (verdict.passed, verdict.blocks) == (passed, blocks)


def test_a_gate_that_was_left_out_says_so_in_its_numbers() -> None:
    """What did not run has passed, blocks nothing, and has no count of anything."""
    assert left_out("types") == {"types_ran": 0, "types_passed": 1, "types_blocks": 0}


def test_critical_findings_count_as_errors() -> None:
    """Every finding is counted once, by its severity."""
    found = [finding("x", severity=severity) for severity in Severity]

    assert counts_of(found) == Counts(infos=1, warnings=1, errors=2)


@pytest.mark.parametrize(
    ("rule", "table", "family"),
    [
        ("E501", RUFF, "E"),
        ("W291", RUFF, "W"),
        ("F401", RUFF, "F"),
        ("I001", RUFF, "I"),
        ("S602", RUFF, "S"),
        ("B006", RUFF, "B"),
        ("UP035", RUFF, "UP"),
        ("PLE0101", RUFF, "PLE"),
        ("invalid-syntax", RUFF, "invalid-syntax"),
        ("XYZ001", RUFF, None),
        ("arg-type", MYPY, "arg-type"),
        ("exotic-code", MYPY, None),
        ("B101", BANDIT, "B1"),
        ("B110", BANDIT, "B110"),
        ("B602", BANDIT, "B6"),
        ("failed", PYTEST, "failed"),
        ("error", PYTEST, "error"),
        ("uncovered", COVERAGE, "uncovered"),
    ],
)
def test_a_rule_finds_the_hint_of_its_family(rule: str, table: dict[str, str], family: str | None) -> None:
    """The longest family wins, and a rule of no family has none."""
    assert family_of(rule, table) == family


def test_hints_say_how_often_and_where_and_end_with_the_general_ones() -> None:
    """The most frequent family is first, with its count and first places; what is true of all comes last."""
    found = [finding("F401", line=line) for line in (3, 5, 7, 9)] + [finding("E711", line=4), finding("XYZ1")]
    hints = hints_for("ruff", found)

    assert [(hint.family, hint.count) for hint in hints] == [("F", 4), ("E", 1), ("", 0)]
    assert hints[0].text.startswith("F (4: a.py:3, a.py:5, a.py:7, …): F401 and F841")
    assert hints[-1].text == GENERAL["ruff"][0]


def test_lines_that_did_not_run_need_no_test_run_again() -> None:
    """What is true of failed tests is not said of coverage."""
    assert [hint.family for hint in hints_for("coverage", [finding("uncovered")])] == ["uncovered"]


@pytest.mark.parametrize("tool", ["ruff", "mypy", "bandit", "pytest", "coverage"])
def test_without_findings_there_is_nothing_to_do(tool: str) -> None:
    """A clean report has no hint, not even a general one."""
    assert hints_for(tool, []) == []


def test_the_text_is_a_verdict_then_findings_then_what_to_do() -> None:
    """The first line is the verdict, the worst findings follow, hints come last; no escape sequence is in it."""
    found = [finding("W291", severity=Severity.WARNING), finding("F821", line=9)]
    verdict = judge_counts(counts_of(found), rules=LANES["standard"].gates["ruff"], lane=LANES["standard"])
    section = Section(gate="lint", verdict=verdict, findings=found, hints=hints_for("ruff", found))
    lines = text_of(section, lane=LANES["standard"], colour=False).splitlines()

    assert lines[:4] == [
        "lint FAILED in lane standard: 1 error (0 allowed), 1 warning (3 allowed); this blocks",
        "  a.py:9 F821 says why",
        "  a.py:1 W291 says why",
        "what to do",
    ]
    assert len(lines) == 4 + 2 + len(GENERAL["ruff"])


def test_a_long_list_is_cut_and_says_so() -> None:
    """Of more findings than fit the rest is a number, and a gate that passed gives no advice."""
    found = [finding("B404", line=line, severity=Severity.INFO) for line in range(1, MOST_FINDINGS + 4)]
    verdict = judge_counts(counts_of(found), rules=LANES["heavy"].gates["bandit"], lane=LANES["heavy"])
    section = Section(gate="security", verdict=verdict, findings=found, hints=hints_for("bandit", found))
    lines = text_of(section, lane=LANES["heavy"], colour=False).splitlines()

    assert len(lines) == 1 + MOST_FINDINGS + 1
    assert lines[-1] == "  and 3 more"


def test_colour_changes_nothing_but_colour() -> None:
    """Without its escape sequences the coloured text is the plain one."""
    found = [finding("F821")]
    verdict = judge_counts(counts_of(found), rules=LANES["heavy"].gates["ruff"], lane=LANES["heavy"])
    section = Section(gate="lint", verdict=verdict, findings=found, hints=())
    coloured = text_of(section, lane=LANES["heavy"], colour=True)

    assert "\033[31mFAILED\033[0m" in coloured
    plain = coloured.replace("\033[31m", "").replace("\033[0m", "")
    assert plain == text_of(section, lane=LANES["heavy"], colour=False)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "expected"),
    [(Terminal(), {}, True), (Terminal(), {"NO_COLOR": "1"}, False), (io.StringIO(), {}, False)],
)
def test_colour_is_for_terminals(stream: io.StringIO, environment: dict[str, str], expected: bool) -> None:
    """A file gets none, and NO_COLOR switches it off on a terminal."""
    assert wants_colour(stream, environment) is expected


def test_the_worst_comes_first() -> None:
    """Severity counts more than place, and equals are in the order of the files."""
    found = [finding("a", file="z.py"), finding("b", severity=Severity.CRITICAL, line=8), finding("c", line=2)]

    assert [each.rule for each in worst_first(found)] == ["b", "c", "a"]


def test_messages_become_one_line() -> None:
    """Line breaks and runs of spaces become one space, and what is too long ends in an ellipsis."""
    assert one_line("a\n  b\tc") == "a b c"
    assert one_line("x" * 9, longest=5) == "xxxx…"
