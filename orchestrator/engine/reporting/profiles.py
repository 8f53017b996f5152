"""What is known of the stages of an experiment by their code: this experiment's evaluations and those of others before it."""

from typing import Any

from orchestrator.domain.refs import Ref
from orchestrator.engine.placing import Placing
from orchestrator.search.stages.profile import classify
from orchestrator.spec.stage import MOVING, StageSpec
from orchestrator.store.views import Views

Row = dict[str, Any]


async def profiles_of(ref: Ref, views: Views) -> dict[str, Row]:
    """By stage; a stage of which nothing was learnt is not there."""
    whole = await views.whole(ref.experiment)
    if whole["code_hash"] is None:
        return {}
    kept = await views.read("profiles_of", {"code_hash": whole["code_hash"]})
    found = {}
    for table in whole["spec"]["stage"]:
        stage = StageSpec.model_validate(table)
        known = _known(stage, kept)
        if known is not None:
            found[stage.name] = known
    return found


def _known(stage: StageSpec, kept: Row) -> Row | None:
    placing = Placing(stage, max_parallel=1)
    try:
        placing.recall(kept[placing.key])
    except (KeyError, TypeError, ValueError, AttributeError):  # nothing, or what another version has written
        return None
    profile = placing.best_known
    if profile is None:
        return None
    facts = {"kind": str(classify(profile)), "spread": profile.spread, "tiny": profile.tiny}
    return {**facts, **profile.to_json(), "objection": placing.objection, "placed": stage.executor in MOVING}
