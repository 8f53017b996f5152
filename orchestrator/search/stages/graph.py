"""The graph of what waits for what: its order, its longest path, and the least time it can take.

Edges are a mapping from every name to the names it comes after; durations are seconds.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from orchestrator.errors import InvalidSpec, Problem

Edges = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Names one after the other, and how long they take together."""

    names: tuple[str, ...]
    seconds: float


class Node(Protocol):
    """Whatever has a name and comes after others: a stage, a task."""

    @property
    def name(self) -> str:
        """Its name, once in a graph."""
        ...

    @property
    def after(self) -> tuple[str, ...]:
        """The names of those that must have ended before."""
        ...


def edges(nodes: Iterable[Node]) -> dict[str, tuple[str, ...]]:
    """What each comes after, in the order given. InvalidSpec when a name is there twice or one that is waited for is not there."""
    after: dict[str, tuple[str, ...]] = {}
    for node in nodes:
        if node.name in after:
            raise InvalidSpec(problems=[Problem(f"stage.{node.name}", "there are two stages of this name")])
        after[node.name] = node.after
    missing = [
        Problem(f"stage.{name}.after", f'there is no stage "{earlier}"')
        for name, before in after.items()
        for earlier in before
        if earlier not in after
    ]
    if missing:
        raise InvalidSpec(problems=missing)
    return after


def topological(after: Edges) -> list[str]:
    """The names so that each comes after all it waits for; of those free to go the one named first. InvalidSpec for a cycle."""
    place = {name: number for number, name in enumerate(after)}
    later = successors(after)
    waiting = {name: len(before) for name, before in after.items()}
    free = [place[name] for name, count in waiting.items() if not count]
    names, found = list(after), list[str]()
    while free:
        name = names[heapq.heappop(free)]
        found.append(name)
        for follower in later[name]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(free, place[follower])
    if len(found) < len(after):
        cycle = [Problem(f"stage.{name}.after", "waits for itself") for name, count in waiting.items() if count]
        raise InvalidSpec(problems=cycle)
    return found


def successors(after: Edges) -> dict[str, list[str]]:
    """Who waits for each name."""
    later: dict[str, list[str]] = {name: [] for name in after}
    for name, before in after.items():
        for earlier in before:
            later[earlier].append(name)
    return later


def critical_path(after: Edges, *, durations: Mapping[str, float]) -> Path:
    """The path that takes longest (J. E. Kelley and M. R. Walker, "Critical-Path Planning and Scheduling", 1959).

    A name without a duration takes no time; of equal paths the one through names that are there first.
    """
    ends: dict[str, float] = {}
    through: dict[str, str | None] = {}
    for name in topological(after):
        before = max(after[name], key=lambda earlier: ends[earlier], default=None)
        through[name] = before
        ends[name] = (0.0 if before is None else ends[before]) + durations.get(name, 0.0)
    step = max(ends, key=lambda name: ends[name], default=None)
    seconds = 0.0 if step is None else ends[step]
    names: list[str] = []
    while step is not None:
        names.append(step)
        step = through[step]
    return Path(names=tuple(reversed(names)), seconds=seconds)


def lower_bound(path_seconds: float, *, cpu_seconds: float, cores: float) -> float:
    """The least wall time on these cores: max(critical path, CPU seconds / cores) (R. L. Graham, SIAM J. Appl. Math. 17(2), 1969)."""
    return max(path_seconds, cpu_seconds / cores)
