"""Why a variant did not go on, told from its record when somebody asks: a criterion compares it with nothing, so no decision is written."""

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.domain.refs import ExperimentId, Ref
from orchestrator.domain.states import IterationState
from orchestrator.engine.plan import Plan
from orchestrator.engine.variant import ActiveIteration, ActiveVariant, stage_metrics
from orchestrator.search.criterion import met_by, wanted
from orchestrator.spec.criterion import Criterion
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.store.views import Views

Row = dict[str, Any]


async def decisions(ref: Ref, views: Views) -> list[Row]:
    """The decisions on record, oldest first; for a variant with the criteria of `promote` that it did not meet."""
    found = await views.decisions(ref)
    if ref.variant is None:
        return found
    variant = await views.variant(Ref(ref.experiment, ref.variant))
    if variant["rule"] != "promote":
        return found
    begun = next((place for place, each in enumerate(found) if each["kind"] != "generate"), len(found))
    return [*found[:begun], *_missed(variant, _plan(ref, await views.whole(ref.experiment))), *found[begun:]]


def _plan(ref: Ref, whole: Row) -> Plan:
    return Plan(
        experiment=ExperimentId(ref.experiment),
        seed=whole["seed"],
        spec=ExperimentSpec.model_validate(whole["spec"]),
        folder=whole["folder"],
        environment=whole["environment"],
        output_folder="",  # nothing is run by it
        socket="",
        code_hash=whole["code_hash"],
    )


def _missed(variant: Row, plan: Plan) -> Iterator[Row]:
    """The criteria of the stages it has been through that it did not meet."""
    known = ActiveVariant(0, 0, "")
    for place, iteration in enumerate(variant["iterations"]):
        known.iterations[place] = _iteration(place, iteration, plan)
    for stage in dict.fromkeys(iteration.stage for iteration in known.iterations.values()):
        criterion = plan.stages[stage].promote
        metrics = stage_metrics(known, plan, stage)
        if isinstance(criterion, Criterion) and not met_by(criterion, metrics):
            yield _decision(variant, stage, criterion, metrics.get(criterion.metric))


def _iteration(place: int, row: Row, plan: Plan) -> ActiveIteration:
    measured: Mapping[str, float] = {name: row[name] for name in plan.measures.measured if row.get(name) is not None}
    return ActiveIteration(
        place,
        row["stage"],
        row["case"],
        row["repeat"],
        row["seed"],
        IterationState(row["state"]),
        metrics={**measured, **(row["metrics"] or {})},
    )


def _decision(variant: Row, stage: str, criterion: Criterion, value: float | None) -> Row:
    reached = "is missing" if value is None else f"is {value:.10g}"
    return {
        "round": variant["round"],
        "kind": "promote",
        "rule": "criterion",
        "message": f"does not go on after {stage}: {criterion.metric} {reached}, needs {wanted(criterion)}",
        "inputs": {"stage": stage, **criterion.model_dump(exclude_none=True), "value": value},
        "result": {"ref": variant["ref"], "promoted": False},
        "time": None,
    }
