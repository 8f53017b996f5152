"""Which stages hold the others up, and how much faster it went if they were free."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from orchestrator.domain.durations import written
from orchestrator.search.stages.records import StageRun
from orchestrator.search.stages.replay import longest_path
from orchestrator.search.stages.situation import Case

_LONG = 1.5  # times the mean
_UNEVEN = 3.0  # longest over shortest
_MOST = 3
_MOST_FREED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """A long stage. `wall_seconds` is the mean of its runs, `ratio` that over the mean of all stages.

    `free_wall_seconds` is what the whole would take, as is predicted, if the stage took no time; `gain` the share saved.
    """

    stage: str
    wall_seconds: float
    ratio: float
    on_critical_path: bool
    free_wall_seconds: float
    gain: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imbalance:
    """The longest and the shortest of the stages that succeeded, and how many times one is the other."""

    longest: str
    shortest: str
    ratio: float
    text: str


def bottlenecks(case: Case) -> tuple[Bottleneck, ...]:
    """The stages longer than 1.5 times the mean of all stages, the longest first, at most three."""
    walls = stage_walls(case.situation.runs)
    if not walls:
        return ()
    mean = fmean(walls.values())
    long = sorted((stage for stage in walls if walls[stage] > _LONG * mean), key=lambda stage: -walls[stage])[:_MOST]
    path = longest_path(case.tasks).names
    now = case.figures.wall_seconds

    def of(stage: str) -> Bottleneck:
        free, gain = case.without(stage)
        return Bottleneck(
            stage=stage,
            wall_seconds=walls[stage],
            ratio=walls[stage] / mean,
            on_critical_path=stage in path,
            free_wall_seconds=free,
            gain=gain,
            text=f"{stage} takes {written(walls[stage])}, {walls[stage] / mean:.1f} times the mean of {written(mean)}; "
            f"if it were free, the whole would take {written(free)} instead of {written(now)}",
        )

    return tuple(map(of, long))


def walls_if_free(case: Case) -> dict[str, float]:
    """What the whole would take if a stage took no time, for the stages of the critical path, the longest ones."""
    walls = stage_walls(case.situation.runs)
    path = sorted(dict.fromkeys(longest_path(case.tasks).names), key=lambda stage: -walls.get(stage, 0.0))
    return {stage: case.without(stage)[0] for stage in path[:_MOST_FREED]}


def imbalance(runs: Iterable[StageRun]) -> Imbalance | None:
    """The longest and the shortest stage when one takes more than three times the other; only what succeeded is looked at."""
    walls = stage_walls(run for run in runs if run.state == "succeeded")
    if not walls:
        return None
    ordered = sorted(walls, key=lambda stage: walls[stage])
    shortest, longest = ordered[0], ordered[-1]
    if walls[longest] <= _UNEVEN * walls[shortest]:
        return None
    ratio = walls[longest] / walls[shortest]
    text = f"{longest} takes {ratio:.1f} times as long as {shortest} ({written(walls[longest])}, {written(walls[shortest])})"
    return Imbalance(longest=longest, shortest=shortest, ratio=ratio, text=text)


def stage_walls(runs: Iterable[StageRun]) -> dict[str, float]:
    """The mean wall seconds of each stage that ran; what was cancelled, or was over before it began, does not count."""
    walls: dict[str, list[float]] = {}
    for run in runs:
        if run.ran:
            walls.setdefault(run.stage, []).append(run.wall_seconds)
    return {stage: fmean(own) for stage, own in walls.items()}
