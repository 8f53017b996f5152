"""Whether stages, and whole lanes, have become slower or faster over the experiments of one name."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from random import Random
from typing import Any, TypeVar

from orchestrator.search.stages.history import regression

RECENT = 5
"""The last so many experiments of one name are compared with those before them."""

Row = dict[str, Any]
Value = TypeVar("Value")
Before = Sequence[tuple[int, Mapping[str, float], Mapping[str, tuple[float, int]]]]
"""Newest first: an experiment, seconds by stage, seconds and evaluations by lane."""


def of(before: Before) -> Row:
    """Stages by the mean of their evaluations; a lane as a whole, among the experiments with as many evaluations in it as the last one."""
    stages = _by_name([walls for _, walls, _ in before])
    lanes = _by_name([found for _, _, found in before])
    alike = {lane: [wall for wall, many in found if many == found[-1][1]] for lane, found in lanes.items()}
    return {"stages": _compared(stages, what="stage"), "lanes": _compared(alike, what="lane")}


def _by_name(newest_first: Sequence[Mapping[str, Value]]) -> dict[str, list[Value]]:
    """What there is of each name, oldest first."""
    names = dict.fromkeys(name for each in newest_first for name in each)
    return {name: [each[name] for each in reversed(newest_first) if name in each] for name in names}


def _compared(walls: Mapping[str, Sequence[float]], *, what: str) -> list[Row]:
    return [
        {
            what: name,
            "experiments": len(own),
            **asdict(regression(own[:-RECENT], own[-RECENT:], rng=Random(len(own)))),  # noqa: S311 - draws permutations
        }
        for name, own in walls.items()
    ]
