"""What a run of the graph came to in numbers, from the runs' own times only."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.search.stages.graph import lower_bound
from orchestrator.search.stages.profile import Profile
from orchestrator.search.stages.records import StageRun, StageShape
from orchestrator.search.stages.replay import longest_path, tasks_of
from orchestrator.search.stages.schedule import pool_of
from orchestrator.search.stages.sums import Figures as Figures
from orchestrator.search.stages.sums import PoolFigures as PoolFigures

_KNOWN_SHARE = 0.95  # of the work whose CPU seconds must be known for their sum to say something


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """With what it ran: cores, workers by pool (`process`, `thread`), the stages, and what is known besides.

    By the profiles it is estimated what each run takes alone on the machine, and with that the speed-up: not at all when a stage has none.
    """

    cores: float
    shapes: tuple[StageShape, ...]
    workers: Mapping[str, int]
    profiles: Mapping[str, Profile]


def figures_of(runs: Iterable[StageRun], *, setting: Setting) -> Figures:
    """The figures of one run of the graph, or of several that shared the machine. An attempt that is given twice counts once."""
    own = list({(run.ref, run.attempt): run for run in runs}.values())
    wall = max((run.ended_seconds for run in own), default=0.0) - min((run.started_seconds for run in own), default=0.0)
    cpu = _cpu_seconds(own)
    tasks = tasks_of(own, shapes=setting.shapes, profiles=setting.profiles)
    path, alone = longest_path(tasks), sum(task.wall_seconds for task in tasks)
    queued = [run for run in own if run.queued_seconds_before is not None]
    return Figures(
        runs=len(own),
        succeeded=sum(run.state == "succeeded" for run in own),
        wall_seconds=wall,
        work_seconds=sum(run.wall_seconds for run in own),
        cpu_seconds=cpu,
        core_seconds=setting.cores * wall,
        pools=_pools(own, workers=setting.workers, wall=wall),
        queued_seconds=sum(run.queued_seconds_before or 0.0 for run in queued) if queued else None,
        queued_work_seconds=sum(run.wall_seconds for run in queued),
        critical_path=path,
        lower_bound_seconds=lower_bound(path.seconds, cpu_seconds=cpu or 0.0, cores=setting.cores),
        alone_seconds=alone,
        sequential_seconds=alone if own and all(run.stage in setting.profiles for run in own) else None,
        peak_memory_bytes=_peak_memory(own),
    )


def most_at_once(runs: Iterable[StageRun], *, weight: Callable[[StageRun], int]) -> int:
    """The largest sum of weights of runs that went on at one instant; one that ends as another starts is over."""
    lasting = [run for run in runs if run.ended_seconds > run.started_seconds]
    events = [(run.started_seconds, 1, weight(run)) for run in lasting]
    events += [(run.ended_seconds, 0, -weight(run)) for run in lasting]
    now = most = 0
    for _, _, change in sorted(events):
        now += change
        most = max(most, now)
    return most


def _pools(runs: Sequence[StageRun], *, workers: Mapping[str, int], wall: float) -> tuple[PoolFigures, ...]:
    pools: dict[str, list[StageRun]] = {}
    for run in runs:
        pools.setdefault(pool_of(run.executor), []).append(run)
    return tuple(_pool(name, own, workers=workers.get(name, 1), wall=wall) for name, own in sorted(pools.items()))


def _pool(name: str, runs: Sequence[StageRun], *, workers: int, wall: float) -> PoolFigures:
    count = max(workers, most_at_once(runs, weight=lambda _: 1))
    busy = sum(run.ended_seconds - run.started_seconds for run in runs)
    return PoolFigures(name=name, workers=count, busy_seconds=busy, capacity_seconds=count * wall)


def _cpu_seconds(runs: Sequence[StageRun]) -> float | None:
    """Their sum, when it is known of nearly all the work; a run that was killed may not have told."""
    work = sum(run.wall_seconds for run in runs)
    known = [run for run in runs if run.cpu_seconds is not None]
    if not known or sum(run.wall_seconds for run in known) < _KNOWN_SHARE * work:
        return None
    return sum(run.cpu_seconds or 0.0 for run in known)


def _peak_memory(runs: Sequence[StageRun]) -> int | None:
    """The most that was held at an instant, if each held its own peak all the time; None when one is not known."""
    if not runs or any(run.max_rss_bytes is None for run in runs if run.ran):
        return None
    return most_at_once(runs, weight=lambda run: run.max_rss_bytes or 0)
