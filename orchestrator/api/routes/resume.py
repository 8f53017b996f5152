"""resume: go on with a paused experiment."""

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import CONTROLLING, ExperimentRef, Given

router = APIRouter()


@router.post("/v1/experiments/{ref}/resume", dependencies=[CONTROLLING])
async def resume(services: Given, ref: ExperimentRef) -> Answer:
    """Go on with a paused experiment. Answers with its ref and state; 409 when its state does not allow it."""
    return Answer(await services.orchestrator.resume(ref))
