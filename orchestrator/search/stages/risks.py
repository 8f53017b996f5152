"""Findings that cost no time yet: each a function from a case to advice that predicts no wall."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.domain.durations import written
from orchestrator.search.stages.figures import most_at_once
from orchestrator.search.stages.records import StageRun
from orchestrator.search.stages.situation import Advice, Case, Finding
from orchestrator.search.stages.sizing import enough
from orchestrator.search.stages.sla import p95_upper, suggested_limit
from orchestrator.search.stages.sums import PoolFigures

_SATURATED = 0.9
_NO_HEADROOM = 1.15
_FULL = 0.8
_UNSTABLE = 1.5
_ENOUGH = 5
_SLOWER = 0.01  # of the wall time that fewer workers may cost by prediction, which is no finer


def cpu_saturated(case: Case) -> Iterator[Advice]:
    """More than 0.9 of the cores computed, and the wall time is within 15 % of the least possible."""
    efficiency, headroom = case.figures.cpu_efficiency, case.figures.headroom
    if efficiency is None or headroom is None or efficiency <= _SATURATED or headroom >= _NO_HEADROOM:
        return
    yield Advice(
        finding=Finding.CPU_SATURATED,
        evidence={"cpu_efficiency": efficiency, "headroom": headroom},
        advice=f"{100 * efficiency:.0f} % of the cores computed and the time is {headroom:.2f} times the least possible: "
        "no arrangement is faster, only less work or more cores.",
    )


def too_many_workers(case: Case) -> Iterator[Advice]:
    """A pool that was less than half busy, though there was enough to do for all of it: as many as would have been 0.7 busy.

    Only where fewer are as fast by prediction.
    """
    for pool in case.figures.pools:
        size = enough(pool.workers, pool.utilisation)
        if size is None or not _could_fill(case, pool):
            continue
        threads = pool.name == "thread"
        smaller = replace(case.plan, threads=size) if threads else replace(case.plan, processes=size)
        seconds, gain = case.forecast(plan=smaller)
        if gain < -_SLOWER:
            continue
        yield Advice(
            finding=Finding.TOO_MANY_WORKERS,
            evidence={"workers": pool.workers, "utilisation": pool.utilisation or 0.0, "predicted_seconds": seconds},
            advice=f"{pool.workers} {'threads' if threads else 'slots'} were busy for {100 * (pool.utilisation or 0.0):.0f} % of their "
            f"time: {size} would be as fast ({written(seconds)} by prediction) and leave room for others.",
            change={"threads" if threads else "slots": size},
        )


def _could_fill(case: Case, pool: PoolFigures) -> bool:
    """Whether all the workers there are may run this, and some of them again and again."""
    there = case.plan.threads if pool.name == "thread" else case.plan.processes
    return pool.workers == there and len(case.runs_in(pool.name)) >= 2 * there


def memory(case: Case) -> Iterator[Advice]:
    """More than 0.8 of the memory limit was held at an instant: as many at once as would have held that."""
    peak, limit = case.figures.peak_memory_bytes, case.situation.memory_limit_bytes
    if peak is None or limit is None or peak <= _FULL * limit:
        return
    now = most_at_once(case.situation.runs, weight=lambda _: 1)
    fewer = max(1, int(now * _FULL * limit / peak))
    yield Advice(
        finding=Finding.MEMORY,
        evidence={"peak_memory_bytes": peak, "limit_bytes": limit, "share": peak / limit},
        advice=f"{now} at once held up to {100 * peak / limit:.0f} % of the memory: "
        + (f"run {fewer} at once." if fewer < now else "one of them needs a larger limit."),
        change={"limits.max_parallel": fewer} if fewer < now else None,
    )


def unstable(case: Case) -> Iterator[Advice]:
    """A stage whose 90th percentile is more than 1.5 times its 10th, over at least five runs."""
    for stage, profile in case.situation.profiles.items():
        if profile.runs >= _ENOUGH and profile.spread is not None and profile.spread > _UNSTABLE:
            yield Advice(
                finding=Finding.UNSTABLE,
                stage=stage,
                evidence={"runs": profile.runs, "p90_over_p10": profile.spread},
                advice=f"{stage} takes from {written(profile.wall_p10_seconds)} to {written(profile.wall_p90_seconds)}: "
                "unless its parameters explain that, measure more runs before changing anything for it, and look at what else ran.",
            )


def sla_risk(case: Case) -> Iterator[Advice]:
    """A stage whose 95th percentile may lie above its limit."""
    for shape in case.situation.shapes:
        own = [run for run in case.situation.runs if run.stage == shape.name and run.ran]
        upper = p95_upper([run.wall_seconds for run in own])
        if shape.sla_seconds is not None and upper is not None and upper > shape.sla_seconds:
            yield Advice(
                finding=Finding.SLA_RISK,
                stage=shape.name,
                evidence={"runs": len(own), "p95_upper_seconds": upper, "limit_seconds": shape.sla_seconds},
                advice=f"{shape.name} may take longer than its limit of {written(shape.sla_seconds)}, up to {written(upper)}: "
                f"make it shorter or raise the limit{_fitting(own, above=shape.sla_seconds)}.",
            )


def _fitting(runs: Sequence[StageRun], *, above: float) -> str:
    """The limit that its runs suggest, once there are enough of them, when it is another one."""
    limit = suggested_limit([run.wall_seconds for run in runs if run.state == "succeeded"])
    return "" if limit is None or limit <= above else f" ({written(limit)} would fit)"
