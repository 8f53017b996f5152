"""retry: run again what failed or was cancelled; a named iteration whatever it came to."""

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import CONTROLLING, AnyRef, Given

router = APIRouter()


@router.post("/v1/experiments/{ref}/retry", dependencies=[CONTROLLING])
async def retry(services: Given, ref: AnyRef) -> Answer:
    """Run again what failed or was cancelled; a named iteration whatever it came to. Answers with its ref, its state and counts; 409 when there is nothing to do."""
    return Answer(await services.orchestrator.retry(ref))
