"""Findings that cost time, each with what it would bring to change it: a function from a case to advice."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

from orchestrator.domain.durations import written
from orchestrator.search.stages.bottlenecks import stage_walls
from orchestrator.search.stages.profile import Kind
from orchestrator.search.stages.replay import halved, longest_path, placed
from orchestrator.search.stages.schedule import Plan
from orchestrator.search.stages.situation import Advice, Case, Finding
from orchestrator.search.stages.sizing import BUSY

_LONG = 1.5  # times the median of the others
_UNEVEN = 3.0
_ALL = 0.9  # of the wall time that one stage takes
_INTERPRETER = 0.8  # of the wall time that threads computed
_SHARE_OF_IT = 0.05  # of the threads' CPU time that makes a stage worth a move
_QUEUED = 0.2
_FREE_CORES = 0.7
_MOST_WORKERS = 16
_MANY = 1_000_000
_NEARLY = 1.01  # a size that is within 1 % of the best will do
_MEMORY = 0.8

Grown = tuple[Plan, dict[str, str | int]]


def long_stages(case: Case) -> Iterator[Advice]:
    """A stage on the critical path that is longer than 1.5 times the median of the others; or that is all there is to wait for."""
    walls = stage_walls(case.situation.runs)
    path = longest_path(case.tasks).names
    for stage in sorted(walls, key=lambda name: -walls[name]):
        others = [wall for name, wall in walls.items() if name != stage]
        if stage not in path or not others or walls[stage] <= _LONG * median(others):
            continue
        ratio = walls[stage] / median(others)
        alone = ratio > _UNEVEN and walls[stage] >= _ALL * case.figures.wall_seconds
        seconds, gain = case.forecast(halved(case.tasks, stage=stage))
        yield Advice(
            finding=Finding.IMBALANCE if alone else Finding.BOTTLENECK,
            stage=stage,
            evidence={"wall_seconds": walls[stage], "median_of_others_seconds": median(others), "ratio": ratio},
            advice=f"{stage} takes {ratio:.1f} times the median of the other stages and everything waits for it: "
            "split it (the prediction is for two halves), or keep what it computes.",
            predicted_wall_seconds=seconds,
            gain=gain,
        )


def interpreter_bound(case: Case) -> Iterator[Advice]:
    """Threads that computed for more than 0.8 of the wall time: one interpreter runs one of them at an instant."""
    cpu: dict[str, float] = {}
    for run in case.runs_in("thread"):
        cpu[run.stage] = cpu.get(run.stage, 0.0) + (run.cpu_seconds or 0.0)
    together, wall = sum(cpu.values()), case.figures.wall_seconds
    if not cpu or together <= _INTERPRETER * wall:
        return
    moving = [
        stage for stage, own in cpu.items() if own > _SHARE_OF_IT * together and case.kind(stage) is not Kind.WAITING
    ]
    if not moving:
        return
    seconds, gain = case.forecast(placed(case.tasks, executors=dict.fromkeys(moving, "process")))
    yield Advice(
        finding=Finding.GIL_BOUND,
        evidence={"thread_cpu_seconds": together, "wall_seconds": wall, "share": together / wall},
        advice=f"Threads computed for {written(together)} of {written(wall)}, one at an instant: run {_list(moving)} in processes.",
        predicted_wall_seconds=seconds,
        gain=gain,
        change={f"stage.{stage}.executor": "process" for stage in moving},
    )


def workers_blocked(case: Case) -> Iterator[Advice]:
    """Stages that wait, and may be threads, in processes while others are in the queue for these."""
    allowed = {shape.name for shape in case.situation.shapes if shape.can_use_threads}
    own = case.runs_in("process")
    waiters = [run for run in own if run.stage in allowed and case.kind(run.stage) is Kind.WAITING]
    queued = [run.queued_seconds_before for run in own if run.queued_seconds_before is not None]
    if not waiters or (queued and max(queued) <= 0.0):
        return
    moving = list(dict.fromkeys(run.stage for run in waiters))
    held = sum(run.wall_seconds for run in waiters)
    seconds, gain = case.forecast(placed(case.tasks, executors=dict.fromkeys(moving, "thread")))
    evidence = {"waiting_seconds": held}
    yield Advice(
        finding=Finding.WORKERS_BLOCKED,
        evidence=evidence | ({"queued_seconds": sum(queued)} if queued else {}),
        advice=f"{_list(moving)} held processes for {written(held)} and only waited there: run them in threads.",
        predicted_wall_seconds=seconds,
        gain=gain,
        change={f"stage.{stage}.executor": "thread" for stage in moving},
    )


def too_few_workers(case: Case) -> Iterator[Advice]:
    """More than 0.2 of the time in the queue, or workers more than 0.9 busy, while less than 0.7 of the cores computed.

    Advised is the smallest size that is nearly the best.
    """
    share, efficiency = case.figures.queue_share, case.figures.cpu_efficiency
    busy = max((pool.utilisation or 0.0 for pool in case.figures.pools), default=0.0)
    if efficiency is None or efficiency >= _FREE_CORES or (busy <= BUSY and (share is None or share <= _QUEUED)):
        return
    found = [best for grow in (_parallel, _slots, _both, _threads) if (best := _smallest(case, grow)) is not None]
    if not found:
        return
    (seconds, gain), change = max(found, key=lambda best: best[0][1])
    queued = "" if share is None else f" and evaluations in the queue for {100 * share:.0f} % of theirs"
    yield Advice(
        finding=Finding.TOO_FEW_WORKERS,
        evidence={"utilisation": busy, "cpu_efficiency": efficiency}
        | ({} if share is None else {"queue_share": share}),
        advice=f"Workers were busy for {100 * busy:.0f} % of their time{queued}, while {100 * efficiency:.0f} % of the cores "
        f"computed: set {_settings(change)}.",
        predicted_wall_seconds=seconds,
        gain=gain,
        change=change,
    )


def _smallest(
    case: Case, grow: Callable[[Plan, int], Grown | None]
) -> tuple[tuple[float, float], dict[str, str | int]] | None:
    """The smallest growth whose prediction is within 1 % of the best; None when this cannot grow."""
    most = min(max(_MOST_WORKERS, 2 * int(case.plan.cores)), _busy_cores(case), _fitting(case))
    grown = [found for size in range(1, most + 1) if (found := grow(case.plan, size)) is not None]
    forecasts = [(case.forecast(plan=plan), change) for plan, change in grown]
    best = min((seconds for (seconds, _), _ in forecasts), default=0.0)
    return next((one for one in forecasts if one[0][0] <= _NEARLY * best), None)


def _busy_cores(case: Case) -> int:
    """How many of the mean CPU share keep all cores busy, and one more; many when they use no CPU."""
    cpu, work = case.figures.cpu_seconds or 0.0, case.figures.alone_seconds
    return _MANY if cpu * _MANY <= case.plan.cores * work else math.ceil(case.plan.cores * work / cpu) + 1


def _fitting(case: Case) -> int:
    """How many of the largest fit into the memory; many when that is not known."""
    held = max((run.max_rss_bytes for run in case.situation.runs if run.max_rss_bytes), default=None)
    limit = case.situation.memory_limit_bytes
    return _MANY if held is None or limit is None else int(_MEMORY * limit / held)


def _parallel(plan: Plan, size: int) -> Grown | None:
    if plan.max_parallel is None or size <= plan.max_parallel:
        return None
    return replace(plan, max_parallel=size), {"limits.max_parallel": size}


def _slots(plan: Plan, size: int) -> Grown | None:
    return (replace(plan, processes=size), {"slots": size}) if size > plan.processes else None


def _threads(plan: Plan, size: int) -> Grown | None:
    return (replace(plan, threads=size), {"threads": size}) if size > plan.threads else None


def _both(plan: Plan, size: int) -> Grown | None:
    if plan.max_parallel is None or size <= max(plan.max_parallel, plan.processes):
        return None
    return replace(plan, max_parallel=size, processes=size), {"limits.max_parallel": size, "slots": size}


def _settings(change: dict[str, str | int]) -> str:
    return _list([f"{key} = {value}" for key, value in change.items()])


def _list(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
