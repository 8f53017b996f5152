"""How much of each stage can go on beside others, whatever the number of workers: what the graph and the locks leave free."""

from collections.abc import Mapping, Sequence

from orchestrator.search.stages.graph import Edges, edges, topological
from orchestrator.search.stages.records import StageShape


def overlap(shapes: Sequence[StageShape], *, durations: Mapping[str, float | None]) -> dict[str, float | None]:
    """The share (0 to 1) of each stage's duration that other stages could fill; None when its duration is not known, or 0.

    Others are those it neither waits for nor is waited for by, with no lock in common; one whose duration is not known adds nothing.
    1 does not say that the whole gets faster: that is `Figures.scaling_limit`.
    """
    before = _ancestors(edges(shapes))

    def beside(stage: StageShape, other: StageShape) -> bool:
        related = stage.name in before[other.name] or other.name in before[stage.name]
        return stage is not other and not related and set(stage.locks).isdisjoint(other.locks)

    def share(stage: StageShape) -> float | None:
        own = durations.get(stage.name)
        if not own:
            return None
        return min(1.0, sum(durations.get(other.name) or 0.0 for other in shapes if beside(stage, other)) / own)

    return {stage.name: share(stage) for stage in shapes}


def _ancestors(after: Edges) -> dict[str, frozenset[str]]:
    """All that must have ended before each."""
    found: dict[str, frozenset[str]] = {}
    for name in topological(after):
        found[name] = frozenset(after[name]).union(*(found[earlier] for earlier in after[name]))
    return found
