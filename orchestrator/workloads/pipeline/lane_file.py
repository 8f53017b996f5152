"""The table of lanes as it is read from `lanes.toml`: found, checked as a whole, and turned into facts."""

import tomllib
from pathlib import Path

from orchestrator.errors import Problem
from orchestrator.workloads.pipeline.failures import InvalidLanes
from orchestrator.workloads.pipeline.lanes import (
    GATES,
    GATES_OF_STAGE,
    STAGES,
    STRATEGIES,
    VERSION,
    Category,
    DetectionRules,
    GateRules,
    HeavyLimits,
    Lane,
    LaneTable,
    Risk,
)
from orchestrator.workloads.pipeline.table_reader import TableReader

LANES = ("docs", "standard", "heavy")
CATEGORIES = ("tests", "config", "code", "docs")
_PACKAGED = Path(__file__).with_name("lanes.toml")
_CHECKOUT = Path(__file__).parents[3] / "config" / "lanes.toml"
_RUN_KEYS = ("timeout", "allowed_warnings", "allowed_errors")
_LANE_KEYS = ("strategy", "workers", "sla", "limit", "stages", "gates")
_LIMITS = ("code_files", "test_files", "changed_lines", "code_files_with_infrastructure")


def load_lanes(path: Path | str | None = None) -> LaneTable:
    """The table in this file; without one, the copy that comes with the package, or `config/lanes.toml` of the checkout.

    Raises InvalidLanes with all problems: a file that is not there or no TOML, unknown and missing keys, wrong values.
    """
    if path is not None:
        return parse_lanes(_read(Path(path)), source=str(path))
    found = _PACKAGED if _PACKAGED.is_file() else _CHECKOUT
    return parse_lanes(_read(found), source=str(found))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidLanes(f"the table of lanes {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidLanes(f"the table of lanes {path} is not text in UTF-8") from None


def parse_lanes(text: str, *, source: str) -> LaneTable:
    """The table in this text. Raises InvalidLanes with all problems; `source` is where it came from, for people."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidLanes(f"the table of lanes {source} is not TOML: {error}") from None
    problems: list[Problem] = []
    table = _table(TableReader(document, where="", problems=problems, keys=("version", "lanes", "detection")))
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InvalidLanes(f"the table of lanes {source} is not valid: {count}", problems=problems)
    return table


def _table(reader: TableReader) -> LaneTable:
    version = reader.whole("version", least=1)
    if version != VERSION:
        reader.complain("version", f"is {version}; this program reads version {VERSION}")
    lanes = reader.table("lanes", keys=LANES)
    return LaneTable(
        version=version,
        lanes={name: _lane(name, lanes.table(name, keys=_LANE_KEYS)) for name in LANES},
        detection=_detection(reader.table("detection", keys=("category", "risk", "heavy"))),
    )


def _lane(name: str, reader: TableReader) -> Lane:
    gates = reader.table("gates", keys=GATES)
    lane = Lane(
        name=name,
        strategy=reader.word("strategy", allowed=STRATEGIES),
        workers=reader.workers("workers"),
        sla_seconds=reader.seconds("sla"),
        limit_seconds=reader.seconds("limit"),
        stages=reader.words("stages", allowed=STAGES),
        gates={gate: _gate(gate, gates) for gate in GATES},
    )
    _expect_agreement(lane, reader)
    return lane


def _gate(name: str, gates: TableReader) -> GateRules:
    own = ("minimum_percent",) if name == "coverage" else _RUN_KEYS
    reader = gates.table(name, keys=("enabled", *own, "severity", "optional"))
    enabled = reader.flag("enabled")
    if not enabled:
        return GateRules(enabled=False)
    severity, optional = reader.severity("severity"), reader.flag("optional", default=False)
    if name == "coverage":
        percent = reader.percent("minimum_percent")
        return GateRules(enabled=True, minimum_percent=percent, severity=severity, optional=optional)
    return GateRules(
        enabled=True,
        timeout_seconds=reader.seconds("timeout"),
        allowed_warnings=reader.whole("allowed_warnings"),
        allowed_errors=reader.whole("allowed_errors"),
        severity=severity,
        optional=optional,
    )


def _expect_agreement(lane: Lane, reader: TableReader) -> None:
    """A stage needs its gate, and a gate that is on needs a stage."""
    for stage in lane.stages:
        needed = GATES_OF_STAGE[stage][0]
        if not lane.gates[needed].enabled:
            reader.complain("stages", f'has "{stage}", whose gate {needed} is not enabled in this lane')
    used = {gate for stage in lane.stages for gate in GATES_OF_STAGE[stage]}
    for gate, rules in lane.gates.items():
        if rules.enabled and gate not in used:
            reader.complain(f"gates.{gate}", "is enabled, but none of the lane's stages uses it")


def _detection(reader: TableReader) -> DetectionRules:
    heavy = reader.table("heavy", keys=_LIMITS)
    return DetectionRules(
        categories=tuple(
            Category(name=each.word("name", allowed=CATEGORIES), globs=each.words("globs"))
            for each in reader.tables("category", keys=("name", "globs"))
        ),
        risks=tuple(_risk(each) for each in reader.tables("risk", keys=("name", "globs", "words", "types", "heavy"))),
        heavy=HeavyLimits(**{key: heavy.whole(key) for key in _LIMITS}),
    )


def _risk(reader: TableReader) -> Risk:
    return Risk(
        name=reader.word("name"),
        globs=reader.words("globs"),
        words=frozenset(word.lower() for word in reader.words("words")),
        types=frozenset(word.lower() for word in reader.words("types")),
        heavy=reader.flag("heavy"),
    )
