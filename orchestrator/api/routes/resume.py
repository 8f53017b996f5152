"""resume: go on with a paused experiment."""

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import CONTROLLING, ExperimentRef, Given

router = APIRouter()


@router.post("/v1/experiments/{ref}/resume", dependencies=[CONTROLLING])
async def resume(services: Given, ref: ExperimentRef, *, accept_code: bool = False) -> Answer:
    """Go on with a paused experiment; `accept_code`: with its code as it is now, also when it is not paused yet. Answers with its ref and state; 409 when its state does not allow it."""
    return Answer(await services.orchestrator.resume(ref, accept_code=accept_code))
