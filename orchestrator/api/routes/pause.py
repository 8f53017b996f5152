"""pause: start nothing new of an experiment; what runs may end."""

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import CONTROLLING, ExperimentRef, Given

router = APIRouter()


@router.post("/v1/experiments/{ref}/pause", dependencies=[CONTROLLING])
async def pause(services: Given, ref: ExperimentRef) -> Answer:
    """Start nothing new of an experiment; what runs may end. Answers with its ref and state; 409 when its state does not allow it."""
    return Answer(await services.orchestrator.pause(ref))
