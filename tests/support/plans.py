"""Plans and variants as values, for claims about what the engine decides."""

from collections.abc import Mapping
from typing import Any

from orchestrator.domain.identity import canonical_json, variant_hash
from orchestrator.domain.refs import ExperimentId
from orchestrator.domain.states import IterationState
from orchestrator.engine.plan import Plan
from orchestrator.engine.variant import ActiveIteration, ActiveVariant
from orchestrator.spec.experiment import ExperimentSpec

Stage = dict[str, Any]


def stage(name: str = "main", **more: Any) -> Stage:
    """A stage's table."""
    return {"name": name, "call": "model:evaluate", **more}


def plan(*stages: Stage, seed: int = 7, **more: Any) -> Plan:
    """A plan of these stages and whatever else the file says."""
    spec = ExperimentSpec.model_validate({"name": "planned", "stage": list(stages or [stage()]), **more})
    return Plan(
        experiment=ExperimentId(12), seed=seed, spec=spec, folder="/", environment={}, output_folder="/runs", socket=""
    )


def variant(planned: Plan, number: int, **stages: str | Mapping[str, float]) -> ActiveVariant:
    """A variant whose stages have got so far: a state for all iterations of a stage, or the metrics with which they succeeded."""
    parameters = canonical_json({"x": number})
    found = ActiveVariant(number, variant_hash("main", parameters), parameters)
    for name, standing in stages.items():
        for one in planned.iterations([name], found.hash):
            state = IterationState(standing) if isinstance(standing, str) else IterationState.SUCCEEDED
            metrics = None if isinstance(standing, str) else standing
            found.iterations[one.number] = ActiveIteration(
                one.number, one.stage, one.case, one.repeat, one.seed, state, metrics=metrics
            )
    return found
