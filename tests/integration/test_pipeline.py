"""The gates over a tiny project with the real tools, as far as this environment has them, and over tools that misbehave."""

import json
import re
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.worker.results import metrics_of
from orchestrator.worker.trial import Trial
from orchestrator.workloads.pipeline import checks, load_lanes, suites
from orchestrator.workloads.pipeline.failures import InvalidGate, ToolBroken, ToolMissing
from orchestrator.workloads.pipeline.printing import MOST_FINDINGS
from tests.support.pipeline_project import project, table, trial_of

Gate = Callable[[Mapping[str, Any], Trial], dict[str, float]]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment in which nothing is installed."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return project(tmp_path / "good", good=True)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return project(tmp_path / "bad", good=False)


def without_coverage(folder: Path) -> str:
    """A table of lanes in which coverage is off everywhere."""
    return table(folder, (r"minimum_percent.*\n", ""), (r"(gates\.coverage\]\n)enabled = true", r"\1enabled = false"))


@pytest.mark.parametrize("lane", ["docs", "standard", "heavy"])
def test_lint_lets_a_good_project_through(good: Path, lane: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A project without faults passes ruff in every lane, and the verdict is one line."""
    metrics = checks.lint({}, trial_of(good, "lint", lane=lane))

    assert metrics == {
        "lint_ran": 1,
        "lint_passed": 1,
        "lint_blocks": 0,
        "lint_errors": 0,
        "lint_warnings": 0,
        "lint_infos": 0,
    }
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(f"lint passed in lane {lane}: 0 errors (0 allowed)")
    assert re.fullmatch(r"took [0-9.]+ s", told[-1])


def test_lint_counts_what_is_wrong(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a bad project errors and warnings are counted apart, told with file and line, and hints follow by family."""
    metrics = checks.lint({}, trial_of(bad, "lint", lane="standard"))
    printed = capsys.readouterr().out

    assert (metrics["lint_errors"], metrics["lint_warnings"]) == (5, 3)
    assert (metrics["lint_passed"], metrics["lint_blocks"]) == (0, 1)
    assert "  pkg/calc.py:1 F401 `os` imported but unused" in printed
    assert re.search(r"^  S \(3: pkg/calc.py:8, .*\): a possible hole", printed, re.MULTILINE)
    assert printed.index("what to do") > printed.index("F401")


def test_a_failure_blocks_nothing_in_the_docs_lane(bad: Path) -> None:
    """The same findings fail the gate there and block nothing."""
    metrics = checks.lint({}, trial_of(bad, "lint", lane="docs"))

    assert (metrics["lint_passed"], metrics["lint_blocks"]) == (0, 0)


def test_a_parameter_counts_more_than_an_argument(bad: Path) -> None:
    """A space over lanes changes the lane; a parameter that is no argument of a gate is not looked at."""
    metrics = checks.lint({"lane": "docs", "depth": 3}, trial_of(bad, "lint", lane="heavy"))

    assert metrics["lint_blocks"] == 0


def test_types_reads_what_mypy_says(good: Path, bad: Path) -> None:
    """A good project has no type error, a bad one has the one that was put there."""
    passed = checks.types({}, trial_of(good, "types"))
    failed = checks.types({}, trial_of(bad, "types"))

    assert (passed["types_passed"], passed["types_errors"]) == (1, 0)
    assert (failed["types_passed"], failed["types_errors"], failed["types_blocks"]) == (0, 1, 1)


def test_integration_counts_tests(good: Path, bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests are counted by what became of them, warnings are findings too, and nothing is left in the checkout but caches."""
    passed = suites.integration({}, trial_of(good, "integration", paths=["tests"]))
    failed = suites.integration({}, trial_of(bad, "integration", paths=["tests"]))

    assert passed["integration_passed"] == passed["integration_pass_rate"] == passed["integration_count"] == 1
    assert {name: failed[f"integration_{name}"] for name in ("count", "failures", "errors", "skips", "warnings")} == {
        "count": 7,
        "failures": 2,
        "errors": 1,
        "skips": 2,
        "warnings": 1,
    }
    assert failed["integration_pass_rate"] == pytest.approx(0.4)
    assert "tests/test_calc.py:9 failed test_wrong: assert 2.0 == 3" in capsys.readouterr().out
    assert {path.name for path in bad.iterdir()} <= {"pyproject.toml", "pkg", "tests", ".pytest_cache"}


def test_tests_and_coverage_are_one_run(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One run gives both gates' numbers; too little coverage fails its own gate, and blocks in heavy only."""
    standard = suites.tests({}, trial_of(good, "tests", cover=["pkg"]))
    heavy = suites.tests({"lane": "heavy"}, trial_of(good, "tests", cover=["pkg"]))

    assert (standard["tests_passed"], standard["tests_count"], standard["coverage_percent"]) == (1, 1, 60.0)
    assert [(each["coverage_passed"], each["coverage_blocks"]) for each in (standard, heavy)] == [(0, 0), (0, 1)]
    assert "pkg/calc.py:7 uncovered 60 % covered: 2 of 5 statements did not run" in capsys.readouterr().out
    assert not (good / ".coverage").exists()


def test_tests_run_without_coverage_where_the_lane_does_not_want_it(good: Path) -> None:
    """Where the table has coverage off pytest-cov is not needed, and the gate says that it did not run."""
    metrics = suites.tests({}, trial_of(good, "tests", paths=["tests"], lanes=without_coverage(good)))

    assert (metrics["tests_passed"], metrics["coverage_ran"], metrics["coverage_passed"]) == (1, 0, 1)
    assert "coverage_percent" not in metrics


def test_security_reads_what_bandit_says(good: Path, bad: Path) -> None:
    """A finding of high severity fails the gate, findings of low severity are counted and fail nothing."""
    passed = checks.security({}, trial_of(good, "security", paths=["pkg"]))
    failed = checks.security({}, trial_of(bad, "security", paths=["pkg"]))

    assert (passed["security_passed"], passed["security_findings_high"]) == (1, 0)
    assert (failed["security_passed"], failed["security_errors"]) == (0, 1)
    assert (failed["security_findings_high"], failed["security_findings_low"]) == (1, 3)


def test_security_passes_over_virtual_environments(good: Path) -> None:
    """What is installed below the checkout is not its own code."""
    (good / ".venv" / "lib").mkdir(parents=True)
    (good / ".venv" / "lib" / "other.py").write_text("import hashlib\nhashlib.md5(b'')\n", encoding="utf-8")

    assert checks.security({}, trial_of(good, "security"))["security_findings_high"] == 0


GATES: dict[str, tuple[Gate, str]] = {
    "lint": (checks.lint, "ruff"),
    "types": (checks.types, "mypy"),
    "tests": (suites.tests, "pytest"),
    "integration": (suites.integration, "pytest"),
    "security": (checks.security, "bandit"),
}


@pytest.mark.parametrize("stage", GATES)
def test_a_missing_tool_is_an_error_and_never_a_pass(good: Path, bare: Path, stage: str) -> None:
    """Where the interpreter lacks the tool the gate raises: which tool, which interpreter, and how to install it."""
    gate, tool = GATES[stage]

    with pytest.raises(ToolMissing) as caught:
        gate({}, trial_of(good, stage, python=str(bare), paths=["tests"]))
    assert f"{tool} " in str(caught.value)
    assert f"for the interpreter {bare}: `{bare} -m pip install {tool}" in str(caught.value)


@pytest.mark.parametrize("stage", GATES)
def test_a_missing_tool_that_is_optional_is_left_out(
    good: Path, bare: Path, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the lane says optional the gate says that it did not run, and why."""
    lanes = table(good, (r"severity = (.*)", r"severity = \1\noptional = true"), (r"optional = false .*", ""))
    gate, tool = GATES[stage]
    metrics = gate({}, trial_of(good, stage, python=str(bare), paths=["tests"], lanes=lanes))

    assert (metrics[f"{stage}_ran"], metrics[f"{stage}_passed"]) == (0, 1)
    assert f"{stage} left out: {tool} is not installed" in capsys.readouterr().out


def test_a_missing_interpreter_is_named(good: Path) -> None:
    """An interpreter that is not there is an error with its path."""
    with pytest.raises(ToolMissing, match=r"nowhere/python cannot be started: No such file"):
        checks.lint({}, trial_of(good, "lint", python="nowhere/python"))


@pytest.mark.parametrize("stage", [stage for stage in GATES if stage != "lint"])
def test_a_stage_the_lane_does_not_run_says_so(good: Path, stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In the docs lane only lint runs; the others have passed without running, and print that."""
    metrics = GATES[stage][0]({}, trial_of(good, stage, lane="docs"))

    assert metrics.items() >= {f"{stage}_ran": 0, f"{stage}_passed": 1, f"{stage}_blocks": 0}.items()
    assert capsys.readouterr().out.startswith(f"{stage} left out: lane docs does not run it")


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("lint", "ruff found no Python file"),
        ("types", "There are no .py"),
        ("security", "bandit found no Python file"),
    ],
)
def test_a_check_of_nothing_is_no_pass(good: Path, stage: str, said: str) -> None:
    """A folder without a Python file raises instead of passing as a file without faults would."""
    (good / "empty").mkdir()

    with pytest.raises(ToolBroken, match=said):
        GATES[stage][0]({}, trial_of(good, stage, paths=["empty"]))


@pytest.mark.parametrize(
    ("arguments", "where", "message"),
    [
        ({"checkout": "nowhere"}, "arguments.checkout", "is not a folder"),
        ({"paths": ["pkg", "gone"]}, "arguments.paths", 'has "gone", which is not there'),
        ({"paths": ["--fix"]}, "arguments.paths", "must not begin with a hyphen"),
        ({"lane": "fast"}, "arguments.lane", '"docs" | "standard" | "heavy"'),
        ({"path": ["pkg"]}, "arguments.path", 'Did you mean "paths"?'),
        ({"python": 3}, "arguments.python", "must be a text"),
    ],
)
def test_wrong_arguments_are_told_with_their_keys(
    good: Path, arguments: dict[str, Any], where: str, message: str
) -> None:
    """A folder or a path that is not there, an unknown lane and an unknown key raise before any tool runs."""
    with pytest.raises(InvalidGate) as caught:
        checks.lint({}, trial_of(good, "lint", **arguments))
    (problem,) = caught.value.problems
    assert (problem.where, message in problem.message) == (where, True)


def test_integration_must_be_told_its_paths(good: Path) -> None:
    """Without paths it raises: all tests would be the stage before."""
    with pytest.raises(InvalidGate, match="needs paths"):
        suites.integration({}, trial_of(good, "integration"))


def test_what_a_gate_returns_is_what_an_evaluation_may(bad: Path) -> None:
    """The numbers are flat and finite, and their names begin with the gate's."""
    metrics = checks.lint({}, trial_of(bad, "lint"))

    assert metrics_of(metrics) == metrics
    assert all(name.startswith("lint_") for name in metrics)
    assert json.loads(json.dumps(metrics)) == metrics


def test_many_findings_are_counted_and_the_worst_are_shown(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a hundred findings all count, and the text stays short."""
    lines = "".join(f"import m{number}\n" for number in range(100))
    (good / "pkg" / "many.py").write_text(lines, encoding="utf-8")
    metrics = checks.lint({}, trial_of(good, "lint", paths=["pkg/many.py"]))

    assert metrics["lint_errors"] == 100
    assert len(re.findall(r"^  pkg/many\.py", capsys.readouterr().out, re.MULTILINE)) == MOST_FINDINGS


def test_the_active_virtual_environment_is_the_default(good: Path, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `python` the tools run under the submitter's active virtual environment."""
    monkeypatch.setenv("VIRTUAL_ENV", str(bare.parents[1]))

    with pytest.raises(ToolMissing, match=re.escape(str(bare))):
        checks.lint({}, trial_of(good, "lint"))


def test_a_table_of_ones_own_is_seen_from_the_workdir(bad: Path) -> None:
    """`lanes` names a file relative to the stage's workdir, and its numbers count."""
    table(bad, ("allowed_warnings = 3", "allowed_warnings = 30"), ("allowed_errors = 0", "allowed_errors = 50"))

    assert load_lanes().lanes["standard"].gates["ruff"].allowed_errors == 0
    assert checks.lint({}, trial_of(bad, "lint", lanes="../lanes.toml"))["lint_passed"] == 1
