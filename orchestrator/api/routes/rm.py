"""rm: forget an experiment that has ended."""

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import CONTROLLING, ExperimentRef, Given

router = APIRouter()


@router.delete("/v1/experiments/{ref}", dependencies=[CONTROLLING])
async def rm(services: Given, ref: ExperimentRef) -> Answer:
    """Forget an experiment that has ended, with all it wrote. Answers `{"ref"}`; 409 while it has not ended."""
    return Answer(await services.orchestrator.remove(ref))
