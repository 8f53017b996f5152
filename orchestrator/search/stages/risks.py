"""Findings that cost no time yet: each a function from a case to advice that predicts no wall."""

from collections.abc import Iterator

from orchestrator.search.stages.figures import most_at_once
from orchestrator.search.stages.situation import Advice, Case, Finding
from orchestrator.search.stages.sla import p95_upper

_SATURATED = 0.9
_NO_HEADROOM = 1.15
_FULL = 0.8
_UNSTABLE = 1.5
_ENOUGH = 5


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
                advice=f"{stage} takes from {profile.wall_p10_seconds:.3g} to {profile.wall_p90_seconds:.3g} s: "
                "measure more runs before changing anything for it, and look at what else ran.",
            )


def sla_risk(case: Case) -> Iterator[Advice]:
    """A stage whose 95th percentile may lie above its limit."""
    for shape in case.situation.shapes:
        walls = [run.wall_seconds for run in case.situation.runs if run.stage == shape.name and run.ran]
        upper = p95_upper(walls)
        if shape.sla_seconds is not None and upper is not None and upper > shape.sla_seconds:
            yield Advice(
                finding=Finding.SLA_RISK,
                stage=shape.name,
                evidence={"runs": len(walls), "p95_upper_seconds": upper, "limit_seconds": shape.sla_seconds},
                advice=f"{shape.name} may take {upper:.3g} s, its limit is {shape.sla_seconds:.3g} s: "
                "make it shorter or raise the limit.",
            )
