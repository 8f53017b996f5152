"""Claims about the table of lanes: what is in it, and what is said of one that is wrong."""

import re
import tomllib
from pathlib import Path

import pytest

from orchestrator.workloads.pipeline import load_lanes
from orchestrator.workloads.pipeline.failures import InvalidLanes
from orchestrator.workloads.pipeline.findings import Severity
from orchestrator.workloads.pipeline.lane_file import LANES, parse_lanes
from orchestrator.workloads.pipeline.lanes import GATES_OF_STAGE, STAGES

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "config" / "lanes.toml"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def problems_of(text: str) -> dict[str, str]:
    with pytest.raises(InvalidLanes) as caught:
        parse_lanes(text, source="lanes.toml")
    return {problem.where: problem.message for problem in caught.value.problems}


def changed(*pairs: tuple[str, str]) -> str:
    """The table with each first text replaced at its first place."""
    text = TEXT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_the_lanes_have_the_times_and_strategies_they_are_known_for() -> None:
    """docs, standard and heavy differ in strategy, workers, seconds of a stage, seconds in all, and stages."""
    lanes = load_lanes(DOCUMENT).lanes

    assert {
        name: (lane.strategy, lane.workers, lane.sla_seconds, lane.limit_seconds, lane.stages)
        for name, lane in lanes.items()
    } == {
        "docs": ("thread", 2, 10.0, 300.0, ("lint",)),
        "standard": ("adaptive", None, 30.0, 900.0, STAGES),
        "heavy": ("process", 8, 60.0, 1200.0, STAGES),
    }


@pytest.mark.parametrize(
    ("gate", "docs", "standard", "heavy"),
    [
        ("ruff", (30.0, 5, 0, "warning"), (45.0, 3, 0, "error"), (60.0, 0, 0, "critical")),
        ("mypy", None, (60.0, 5, 0, "error"), (90.0, 0, 0, "critical")),
        ("pytest", None, (120.0, 0, 0, "error"), (180.0, 0, 0, "critical")),
        ("bandit", None, (60.0, 0, 0, "error"), (90.0, 0, 0, "critical")),
    ],
)
def test_the_gates_allow_what_the_table_says(
    gate: str, docs: tuple[object, ...] | None, standard: tuple[object, ...], heavy: tuple[object, ...]
) -> None:
    """Seconds, allowed warnings, allowed errors and severity of each gate; None for one that is off."""
    lanes = load_lanes(DOCUMENT).lanes

    for name, expected in zip(LANES, (docs, standard, heavy), strict=True):
        rules = lanes[name].gates[gate]
        found = (rules.timeout_seconds, rules.allowed_warnings, rules.allowed_errors, rules.severity.word)
        assert (found if rules.enabled else None) == expected


def test_coverage_is_a_warning_in_standard_and_critical_in_heavy() -> None:
    """75 percent are wanted in standard, where less blocks nothing, and 85 in heavy, where less does."""
    lanes = load_lanes(DOCUMENT).lanes
    standard, heavy = lanes["standard"].gates["coverage"], lanes["heavy"].gates["coverage"]

    assert (standard.minimum_percent, heavy.minimum_percent) == (75.0, 85.0)
    assert not lanes["standard"].blocks(standard.severity)
    assert lanes["heavy"].blocks(heavy.severity)


@pytest.mark.parametrize(
    ("severity", "blocked"),
    [
        (Severity.INFO, set()),
        (Severity.WARNING, set()),
        (Severity.ERROR, {"standard", "heavy"}),
        (Severity.CRITICAL, {"docs", "standard", "heavy"}),
    ],
)
def test_a_severity_blocks_its_lanes(severity: Severity, blocked: set[str]) -> None:
    """Info and warning block nothing, an error blocks standard and heavy, what is critical blocks everywhere."""
    assert {name for name, lane in load_lanes(DOCUMENT).lanes.items() if lane.blocks(severity)} == blocked


def test_every_value_has_a_comment() -> None:
    """No line of config/lanes.toml sets something of a lane or a size without a comment beside it."""
    values = [line for line in TEXT.splitlines() if re.match(r"\w+ = ", line) and not line.startswith("globs = ")]

    assert len(values) > 60
    assert [line for line in values if "  # " not in line and "] # " not in line] == []


def test_without_a_path_the_table_is_found() -> None:
    """The packaged copy, or the checkout's file, is the same table as config/lanes.toml."""
    assert load_lanes() == load_lanes(DOCUMENT)


def test_the_wheel_takes_the_table_along() -> None:
    """What is packaged is config/lanes.toml itself, at the place where it is looked for first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]

    assert included["config/lanes.toml"] == "orchestrator/workloads/pipeline/lanes.toml"


def test_all_problems_are_told_at_once() -> None:
    """Wrong values, unknown and missing keys are listed together, each with its key and what is allowed."""
    text = changed(
        ('strategy = "thread"', 'strategy = "threads"'),
        ("workers = 2", "workers = 0"),
        ('sla = "10s"', 'slo = "10s"'),
        ('limit = "5min"', 'limit = "soon"'),
        ('stages = ["lint"]', 'stages = ["lint", "lint"]'),
        ("allowed_warnings = 5", "allowed_warnings = -1"),
        ('severity = "warning"', 'severity = "fatal"'),
        ("minimum_percent = 75.0", "minimum_percent = 750"),
        ("code_files = 5", 'code_files = "five"'),
        ('name = "tests"', 'name = "claims"'),
    )

    found = problems_of(text)
    assert found.keys() == {
        "lanes.docs.strategy",
        "lanes.docs.workers",
        "lanes.docs.slo",
        "lanes.docs.sla",
        "lanes.docs.limit",
        "lanes.docs.stages",
        "lanes.docs.gates.ruff",
        "lanes.docs.gates.ruff.allowed_warnings",
        "lanes.docs.gates.ruff.severity",
        "lanes.standard.gates.coverage.minimum_percent",
        "detection.heavy.code_files",
        "detection.category[0].name",
    }
    assert found["lanes.docs.strategy"] == 'must be "thread" | "process" | "adaptive"; found \'threads\''
    assert 'Did you mean "sla"?' in found["lanes.docs.slo"]
    assert found["lanes.docs.sla"].startswith("is missing; allowed: a duration")


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        (changed(("version = 1", "version = 2")), "version", "reads version 1"),
        (changed(('stages = ["lint"]', 'stages = ["lint", "types"]')), "lanes.docs.stages", "gate mypy is not enabled"),
        (changed(('stages = ["lint"]', "stages = []")), "lanes.docs.gates.ruff", "none of the lane's stages"),
        (changed(("[lanes.docs]", "[lanes.quick]")), "lanes.quick", "Allowed: docs, standard, heavy"),
        ("lanes = 3", "lanes", "must be a table"),
        (changed(("enabled = true", "enabled = 1")), "lanes.docs.gates.ruff.enabled", "true or false"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(text: str, where: str, message: str) -> None:
    """A version, a stage without its gate, a gate without a stage, and a lane nobody knows are problems with a place."""
    assert message in problems_of(text)[where]


@pytest.mark.parametrize(
    ("content", "message"), [(None, "No such file"), (b"a = ", "is not TOML"), (b"\xff\xfe", "UTF-8")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    """A missing file, one that is no TOML and one that is no text are one error with the path."""
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InvalidLanes, match=message) as caught:
        load_lanes(path)
    assert str(path) in caught.value.message


def test_every_stage_names_its_gates() -> None:
    """Each of the five stages passes through gates of the table."""
    lane = load_lanes(DOCUMENT).lanes["heavy"]

    assert {gate for gates in GATES_OF_STAGE.values() for gate in gates} == lane.gates.keys()


def test_the_example_runs_in_the_lane_that_its_gates_judge_by() -> None:
    """Its stages are in the standard lane, whose limit stops them, and their gates read the same."""
    example = tomllib.loads((ROOT / "examples" / "pipeline" / "experiment.toml").read_text(encoding="utf-8"))
    (lane,) = example["space"]["lane"]

    assert {stage["lane"] for stage in example["stage"]} == {lane}
    assert lane in load_lanes(DOCUMENT).lanes
    assert [stage["name"] for stage in example["stage"]] == ["lint", "types", "tests", "integration", "security"]
