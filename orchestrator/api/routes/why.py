"""why: the decisions on record."""

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import READING, AnyRef, Given
from orchestrator.engine import promotion

router = APIRouter()


@router.get("/v1/experiments/{ref}/why", dependencies=[READING])
async def why(services: Given, ref: AnyRef) -> Answer:
    """What was decided, oldest first: `{"ref", "decisions": [{"round", "kind", "time", "rule", "inputs", "result", "message"}]}`.

    Of a variant, and of its iterations: where it came from, its verdict, and the decisions that concern it.
    """
    return Answer({"ref": str(ref), "decisions": await promotion.decisions(ref, services.views)})
