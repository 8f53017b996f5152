"""How much of each stage can go on beside other work, whatever the number of workers: what the graph and the locks leave free."""

from collections.abc import Mapping, Sequence

from orchestrator.search.stages.graph import Edges, edges, topological
from orchestrator.search.stages.schedule import Task


def overlap(tasks: Sequence[Task]) -> dict[str, float | None]:
    """By stage the share (0 to 1) of its time that other tasks could fill; None when it took no time.

    Others are those a task neither waits for nor is waited for by, with no lock in common. 1 does not say that the whole gets faster:
    that is `Figures.scaling_limit`.
    """
    before = _ancestors(edges(tasks))
    own: dict[str, float] = {}
    filled: dict[str, float] = {}
    for task in tasks:
        if task.executor is not None:
            own[task.stage] = own.get(task.stage, 0.0) + task.wall_seconds
            filled[task.stage] = filled.get(task.stage, 0.0) + _beside(task, tasks, before)
    return {stage: filled[stage] / seconds if seconds > 0.0 else None for stage, seconds in own.items()}


def _beside(task: Task, tasks: Sequence[Task], before: Mapping[str, frozenset[str]]) -> float:
    """So many seconds of a task others could fill."""
    found = 0.0
    for other in tasks:
        if found >= task.wall_seconds:
            return task.wall_seconds
        related = other.name in before[task.name] or task.name in before[other.name]
        if other is not task and not related and set(task.locks).isdisjoint(other.locks):
            found += other.wall_seconds
    return min(found, task.wall_seconds)


def _ancestors(after: Edges) -> dict[str, frozenset[str]]:
    """All that must have ended before each."""
    found: dict[str, frozenset[str]] = {}
    for name in topological(after):
        found[name] = frozenset(after[name]).union(*(found[earlier] for earlier in after[name]))
    return found
