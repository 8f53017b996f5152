"""best: the best variant so far."""

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import READING, ExperimentRef, Given

router = APIRouter()


@router.get("/v1/experiments/{ref}/best", dependencies=[READING])
async def best(services: Given, ref: ExperimentRef) -> Answer:
    """The best variant: `{"ref", "params", "metrics", "spread", "score"}`; 404 with code `no_best` when there is none."""
    return Answer(await services.views.best(ref))
