"""How far an experiment is, at every level: rounds, variants, cases, iterations; elapsed and expected time."""

from datetime import UTC, datetime
from typing import Any

from orchestrator.domain.refs import ExperimentId, Ref
from orchestrator.domain.states import ExperimentState
from orchestrator.engine.conductor import Conductor
from orchestrator.errors import NoBest
from orchestrator.store.views import Views

SHOWN_RUNNING = 8
_ONE_ROUND = ("grid", "list")  # methods that propose all they have in the first round


async def snapshot(experiment: int, views: Views, conductor: Conductor | None) -> dict[str, Any]:
    """One snapshot, as the progress route gives it."""
    row = await views.experiment(experiment)
    spec = row["spec"]
    iterations = row["iterations"]
    variants = row["variants"]
    running = await views.read("running_iterations", {"experiment": experiment, "limit": SHOWN_RUNNING})
    in_round = await views.read("round_progress", {"experiment": experiment, "round": row["round"]})
    elapsed = _seconds_between(row["started"], row["finished"])
    return {
        "ref": row["ref"],
        "name": row["name"],
        "state": row["state"],
        "phase": row["phase"],
        "reason": row["reason"],
        "round": row["round"],
        "max_rounds": 1 if spec["search"]["method"] in _ONE_ROUND else spec["loop"]["max_rounds"],
        "variants": {
            "total": row["variant_count"],
            "finished": sum(variants.values()),
            "failed": variants["failed"],
        },
        "round_variants": {"total": in_round[0], "finished": in_round[1]},
        "iterations": iterations,
        "cases": await _cases(experiment, spec, views, conductor),
        "elapsed_seconds": elapsed,
        "eta_seconds": _eta(iterations, elapsed, running=row["state"] == ExperimentState.RUNNING),
        "best": await _best(experiment, views),
        "running": [f"{experiment}.{variant}.{number}" for variant, number in running],
        "reports": _reports(experiment, conductor),
    }


def _reports(experiment: int, conductor: Conductor | None) -> list[dict[str, Any]]:
    """The last report of some of those that run."""
    told = [] if conductor is None else conductor.evaluation.reports.latest()
    return [
        {"ref": f"{experiment}.{variant}.{number}", "step": one.step, "metrics": dict(one.metrics)}
        for variant, number, one in told
    ]


async def _best(experiment: int, views: Views) -> dict[str, Any] | None:
    try:
        return await views.best(Ref(ExperimentId(experiment)))
    except NoBest:
        return None


async def _cases(
    experiment: int, spec: dict[str, Any], views: Views, conductor: Conductor | None
) -> list[dict[str, Any]]:
    """While it runs the tally in memory answers; afterwards the rows are counted."""
    names = spec.get("cases") or []
    if not names:
        return []
    if conductor is None:
        counted = {case: (total, ended) for case, total, ended in await views.read("cases", {"experiment": experiment})}
        return [{"case": n, "total": counted.get(n, (0, 0))[0], "finished": counted.get(n, (0, 0))[1]} for n in names]
    row = await views.experiment(experiment)
    share = row["iterations"]["total"] // len(names)
    finished = conductor.evaluation.tally.cases
    return [{"case": name, "total": share, "finished": finished[name]} for name in names]


def _eta(iterations: dict[str, int], elapsed: float | None, *, running: bool) -> float | None:
    """What is left of the present round at the pace so far; None while nothing has ended, and when it is paused or over."""
    finished = iterations["succeeded"] + iterations["failed"]
    left = iterations["queued"] + iterations["running"]
    if not running or elapsed is None or not finished:
        return None
    return round(left * elapsed / finished, 1)


def _seconds_between(started: str | None, finished: str | None) -> float | None:
    if started is None:
        return None
    end = datetime.now(tz=UTC) if finished is None else datetime.fromisoformat(finished)
    return round((end - datetime.fromisoformat(started)).total_seconds(), 3)
