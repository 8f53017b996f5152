"""What the engine is given: by its surroundings when it begins, and by a person who hands an experiment in; and what it answers to that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.engine.code import Places
from orchestrator.engine.lanes import Lanes
from orchestrator.engine.pressure import USUAL, Thresholds
from orchestrator.spec.experiment import ExperimentSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a person hands in: the spec as read, and where it came from."""

    spec: ExperimentSpec
    folder: str
    source: str = "experiment.toml"
    environment: Mapping[str, str] = field(default_factory=dict)
    code_hash: str | None = None
    code_places: Places = ()
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """An accepted submission. `created` is False when the same idempotency key had made it before."""

    id: int
    name: str
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the engine needs to know of its surroundings."""

    runs_folder: Path
    socket: str
    boot_id: str
    slots: int
    threads: int
    batch_seconds: float
    artifact_limit_bytes: int = 100 * 2**20
    lock_folder: Path  # of named locks, shared with other daemons
    thresholds: Thresholds = USUAL
    lanes: Lanes = field(default_factory=dict)
