"""The report of an experiment: its outcome, its rounds, its best, what its stages used, and its failures."""

from datetime import UTC, datetime
from typing import Any

from anyio import to_thread

from orchestrator.domain.refs import Ref
from orchestrator.engine.reporting import execution, failures, pruning, stages
from orchestrator.engine.reporting.profiles import profiles_of
from orchestrator.errors import NoBest
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.store import shapes
from orchestrator.store.views import Views

MOST_ROUNDS = 100
"""How many rounds a report has, the last ones."""

_OUTCOME = ("id", "ref", "name", "state", "phase", "reason", "created", "started", "finished")
_COUNTS = ("variant_count", "variants", "iterations", "selected", "cost_usd", "tokens")


async def report(ref: Ref, views: Views, *, floor: execution.Floor) -> dict[str, Any]:
    """The whole of it as one document; of an experiment that still runs, so far. Raises NotFound."""
    row = await views.experiment(ref.experiment)
    place = {"experiment": ref.experiment}
    rounds = await views.read("round_rows", {**place, "limit": MOST_ROUNDS})
    usage = await views.read("usage_rows", place)
    walls = await views.read("usage_walls", place)
    profiles = await profiles_of(ref, views)
    ran = await _execution(row, views, floor=floor, facts={"usage": usage, "walls": walls, "profiles": profiles})
    overlap = ran.pop("overlap")
    return {
        **{key: row[key] for key in _OUTCOME},
        "elapsed_seconds": _seconds(row["started"], row["finished"]),
        "objective": row["objective"],
        **{key: row[key] for key in _COUNTS},
        "best": await _best(ref, views),
        "round": row["round"],
        "rounds": [shapes.with_times(each) for each in rounds],
        "usage": row["usage"],
        "prune": await pruning.of(row, views),
        "stages": [
            {**stage, "profile": profiles.get(stage["stage"]), "overlap": overlap.get(stage["stage"])}
            for stage in stages.of(usage, walls, names=[stage["name"] for stage in row["spec"]["stage"]])
        ],
        "failures": failures.of(usage),
        "execution": ran,
    }


async def _execution(
    row: dict[str, Any], views: Views, *, floor: execution.Floor, facts: dict[str, Any]
) -> dict[str, Any]:
    """In a thread: other arrangements are tried in thought, which takes tenths of a second."""
    place = {"experiment": row["id"]}
    read = execution.Read(
        spec=ExperimentSpec.model_validate(row["spec"]),
        attempts=await views.read("attempt_runs", {**place, "limit": execution.MOST_RUNS}),
        before=await views.read("walls_before", {**place, "name": row["name"], "limit": execution.MOST_EXPERIMENTS}),
        lane_times=await views.read("lane_times", place),
        **facts,
    )
    return await to_thread.run_sync(execution.of, read, floor)


async def _best(ref: Ref, views: Views) -> dict[str, Any] | None:
    try:
        return await views.best(ref)
    except NoBest:
        return None


def _seconds(started: str | None, finished: str | None) -> float | None:
    """How long it has taken, or takes already; None before its start."""
    if started is None:
        return None
    end = datetime.now(tz=UTC) if finished is None else datetime.fromisoformat(finished)
    return round((end - datetime.fromisoformat(started)).total_seconds(), 6)
