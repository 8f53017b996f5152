"""Lanes as frozen facts: what a lane runs, how long it may take, and what each gate allows. The values are in `lanes.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.workloads.pipeline.findings import Severity

VERSION = 1
STRATEGIES = ("thread", "process", "adaptive")
GATES_OF_STAGE: Mapping[str, tuple[str, ...]] = {
    "lint": ("ruff",),
    "types": ("mypy",),
    "tests": ("pytest", "coverage"),
    "integration": ("pytest",),
    "security": ("bandit",),
}
"""The stages of the pipeline in order, and the gates each of them passes through; the first is the one it cannot do without."""

STAGES = tuple(GATES_OF_STAGE)
GATES = ("ruff", "mypy", "pytest", "coverage", "bandit")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """What one gate of one lane allows. A gate that is not enabled keeps the defaults."""

    enabled: bool
    timeout_seconds: float = 0.0
    allowed_warnings: int = 0
    allowed_errors: int = 0
    minimum_percent: float = 0.0  # of coverage only
    severity: Severity = Severity.ERROR
    optional: bool = False  # where its tool is not installed it is left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One lane. `workers` is None for "auto"."""

    name: str
    strategy: str
    workers: int | None
    sla_seconds: float
    limit_seconds: float
    stages: tuple[str, ...]
    gates: Mapping[str, GateRules]

    def blocks(self, severity: Severity) -> bool:
        """Whether a failed gate of this severity blocks the change: errors outside the docs lane, what is critical everywhere."""
        return severity is Severity.CRITICAL or (severity is Severity.ERROR and self.name != "docs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A kind of file, by its globs."""

    name: str
    globs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Something that makes a change dangerous: paths, words of commit messages, types of commits."""

    name: str
    globs: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    heavy: bool = False  # one of them makes the change heavy


@dataclass(frozen=True, slots=True, kw_only=True)
class HeavyLimits:
    """Sizes up to which a change is not heavy."""

    code_files: int
    test_files: int
    changed_lines: int
    code_files_with_infrastructure: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionRules:
    """How files are told apart and when a change is heavy. The first category that matches counts."""

    categories: tuple[Category, ...]
    risks: tuple[Risk, ...]
    heavy: HeavyLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTable:
    """All of `lanes.toml`."""

    version: int
    lanes: Mapping[str, Lane]
    detection: DetectionRules
