"""Stages against their limits, and lanes against theirs: of all that ran, not only of the last attempts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from orchestrator.domain.outcome import AttemptEnd
from orchestrator.engine.lanes import Lane, Lanes
from orchestrator.engine.pauses import Pauses
from orchestrator.search.stages.records import StageRun, StageShape
from orchestrator.search.stages.sla import WARNING_SHARE, StageSla, stage_sla, verdict
from orchestrator.store.buckets import at_least, quantile

Row = dict[str, Any]

_LASTING = frozenset({str(AttemptEnd.SUCCEEDED), str(AttemptEnd.FAILED)})


def stages(
    runs: Sequence[StageRun], shapes: Iterable[StageShape], *, usage: Sequence[Row], walls: Sequence[Sequence[Any]]
) -> list[Row]:
    """Each stage that ran, by its last attempts, and where there were more of them by the sums of all. `usage`, `walls`: as stored."""
    rows = []
    for shape in shapes:
        found = stage_sla(runs, shape=shape)
        if found is not None:
            own = [row for row in usage if row["stage"] == shape.name and row["end"] in _LASTING]
            counts = {bucket: attempts for stage, bucket, attempts in walls if stage == shape.name}
            rows.append(asdict(_of_all(found, own, counts)))
    return rows


def _of_all(found: StageSla, usage: Sequence[Row], counts: Mapping[int, int]) -> StageSla:
    """The same of more attempts than were read one by one: the longest exactly, the others as they were counted, in steps of 9 %.

    What is in one step with the limit is not said to have missed it, but for the longest.
    """
    attempts = sum(counts.values())
    if attempts <= found.runs:
        return found
    limit, worst = found.limit_seconds, max(row["longest_wall_seconds"] or 0.0 for row in usage)
    p95 = min(worst, quantile(counts, 0.95) or worst)
    late = misses = 0
    if limit is not None:
        misses = max(at_least(counts, limit), found.misses, int(worst > limit))
        late = max(at_least(counts, WARNING_SHARE * limit), misses + found.warnings)
    return replace(
        found,
        runs=attempts,
        warnings=late - misses,
        misses=misses,
        worst_seconds=worst,
        worst=verdict(worst, limit_seconds=limit),
        p95_seconds=p95,
        p95=verdict(p95, limit_seconds=limit),
    )


def lanes(shapes: Sequence[StageShape], table: Lanes, *, usage: Sequence[Row], times: Row) -> list[Row]:
    """Each lane that stages are in: from its beginning (its first evaluation since the experiment was opened) to its last end, but for
    the time it was paused.
    """
    used = sorted({shape.lane for shape in shapes if shape.lane in table and shape.lane is not None})
    begun = {name: (begun_us, cut_us) for name, begun_us, cut_us in times["lanes"]}
    pauses = Pauses(times["pauses"])
    return [_lane(_Own(table[name], shapes, usage), pauses, *begun.get(name, (None, None))) for name in used]


class _Own:
    """A lane with the stages that are in it and what they used."""

    def __init__(self, lane: Lane, shapes: Sequence[StageShape], usage: Sequence[Row]) -> None:
        self.lane = lane
        self.stages = {shape.name for shape in shapes if shape.lane == lane.name}
        self.usage = [row for row in usage if row["stage"] in self.stages]


def _lane(own: _Own, pauses: Pauses, begun_us: int | None, cut_us: int | None) -> Row:
    first_us = begun_us or min(_known(own.usage, "first_started_us"), default=None)
    last_us = max(_known(own.usage, "last_finished_us"), default=None)
    wall = None if first_us is None or last_us is None else max(0.0, pauses.seconds_outside(first_us, last_us))
    cut = cut_us is not None and cut_us >= (begun_us or 0)
    limit_seconds = own.lane.limit_seconds
    return {
        "lane": own.lane.name,
        "stages": sorted(own.stages),
        "runs": sum(row["attempts"] for row in own.usage),
        "wall_seconds": wall,
        "work_seconds": _sum(own.usage, "wall_seconds"),
        "cpu_seconds": _sum(own.usage, "cpu_seconds"),
        "limit_seconds": limit_seconds,
        "cut": cut,
        "workers": own.lane.workers,
        "verdict": "missed" if cut else None if wall is None else verdict(wall, limit_seconds=limit_seconds),
    }


def _known(rows: Iterable[Row], name: str) -> list[Any]:
    return [row[name] for row in rows if row[name] is not None]


def _sum(rows: Iterable[Row], name: str) -> Any:
    """None when nothing of it is known."""
    known = _known(rows, name)
    return sum(known) if known else None
