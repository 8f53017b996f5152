"""explain: why something waits."""

from dataclasses import asdict

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import READING, AnyRef, Given
from orchestrator.api.standing import standing

router = APIRouter()


@router.get("/v1/experiments/{ref}/explain", dependencies=[READING])
async def explain(services: Given, ref: AnyRef) -> Answer:
    """Why it waits: `{"ref", "state", "reasons": [{"reason", "message", "would_change"}]}`."""
    reasons = await services.orchestrator.explain(ref)
    current = await standing(services.views, ref)
    return Answer({"ref": str(ref), "state": current["state"], "reasons": [asdict(reason) for reason in reasons]})
