"""cancel: stop an experiment, a variant or an iteration for good."""

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import CONTROLLING, AnyRef, Given

router = APIRouter()


@router.post("/v1/experiments/{ref}/cancel", dependencies=[CONTROLLING])
async def cancel(services: Given, ref: AnyRef) -> Answer:
    """Stop an experiment, a variant or an iteration for good. Answers with its ref, its state and counts; 409 when there is nothing to do."""
    return Answer(await services.orchestrator.cancel(ref))
