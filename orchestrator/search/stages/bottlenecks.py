"""Which stages hold the others up, and how much faster it went if they were free."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from orchestrator.search.stages.profile import Profile
from orchestrator.search.stages.records import StageRun, StageShape
from orchestrator.search.stages.replay import longest_path, scaled, tasks_of
from orchestrator.search.stages.schedule import Plan, predict

_LONG = 1.5  # times the mean
_UNEVEN = 3.0  # longest over shortest
_MOST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """A long stage. `wall_seconds` is the mean of its runs, `ratio` that over the mean of all stages.

    `free_wall_seconds` is what the whole would take, as the plan predicts it, if the stage took no time; `gain` the share saved.
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


def bottlenecks(
    runs: Sequence[StageRun],
    *,
    shapes: Sequence[StageShape],
    plan: Plan,
    profiles: Mapping[str, Profile] | None = None,
) -> tuple[Bottleneck, ...]:
    """The stages longer than 1.5 times the mean of all stages, the longest first, at most three."""
    walls = stage_walls(runs)
    if not walls:
        return ()
    mean = fmean(walls.values())
    long = sorted((stage for stage in walls if walls[stage] > _LONG * mean), key=lambda stage: -walls[stage])[:_MOST]
    tasks = tasks_of(runs, shapes=shapes, profiles=profiles)
    now = predict(tasks, plan=plan).wall_seconds if long else 0.0
    path = longest_path(tasks).names

    def of(stage: str) -> Bottleneck:
        free = predict(scaled(tasks, stage=stage, factor=0.0), plan=plan).wall_seconds
        gain = max(0.0, 1.0 - free / now) if now > 0.0 else 0.0
        return Bottleneck(
            stage=stage,
            wall_seconds=walls[stage],
            ratio=walls[stage] / mean,
            on_critical_path=stage in path,
            free_wall_seconds=free,
            gain=gain,
            text=f"{stage} takes {walls[stage]:.3g} s, {walls[stage] / mean:.1f} times the mean of {mean:.3g} s; "
            f"if it were free, the whole would take {100.0 * gain:.0f} % less",
        )

    return tuple(map(of, long))


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
    text = f"{longest} takes {ratio:.1f} times as long as {shortest} ({walls[longest]:.3g} s, {walls[shortest]:.3g} s)"
    return Imbalance(longest=longest, shortest=shortest, ratio=ratio, text=text)


def stage_walls(runs: Iterable[StageRun]) -> dict[str, float]:
    """The mean wall seconds of each stage that ran; what was cancelled, or was over before it began, does not count."""
    walls: dict[str, list[float]] = {}
    for run in runs:
        if run.ran:
            walls.setdefault(run.stage, []).append(run.wall_seconds)
    return {stage: fmean(own) for stage, own in walls.items()}
