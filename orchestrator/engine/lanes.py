"""Lanes: named classes of service a stage can belong to. What the settings say of them, and what that means for a stage."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.engine.admission import LANE
from orchestrator.spec.stage import StageSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One class of service."""

    name: str
    strategy: str  # the executor of its stages whose own is the default
    workers: int | None = None
    """Evaluations of its stages at one instant, of all experiments, as batches: each executes one at an instant. None: any number."""
    sla_seconds: float | None = None
    """Of one evaluation: what it should take."""
    limit_seconds: float | None = None
    """From the first evaluation of an experiment to the last: what they may take (`time_limits`)."""


Lanes = Mapping[str, Lane]


def with_lane(stage: StageSpec, lanes: Lanes) -> StageSpec:
    """The stage as it is run: what its lane says counts where the stage itself says nothing."""
    lane = lanes.get(stage.lane or "")
    if lane is None:
        return stage
    changes: dict[str, object] = {}
    if stage.executor == "adaptive" and stage.command is None and stage.python is None:
        changes["executor"] = lane.strategy
    if stage.sla_seconds is None:
        changes["sla_seconds"] = lane.sla_seconds
    return stage.model_copy(update=changes)


def claim_of(lane: Lane | None) -> tuple[tuple[str, int], ...]:
    """What a batch of a stage in that lane takes."""
    return () if lane is None or lane.workers is None else ((LANE + lane.name, 1),)


def free_workers(lanes: Lanes, busy: Mapping[str, int]) -> dict[str, int]:
    """The claims that are left, by kind; `busy` batches by lane."""
    return {
        LANE + name: max(0, lane.workers - busy.get(name, 0))
        for name, lane in lanes.items()
        if lane.workers is not None
    }
