"""status: how the daemon is."""

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import READING, Given
from orchestrator.api.status import status_of

router = APIRouter()


@router.get("/v1/status", dependencies=[READING])
async def status(services: Given) -> Answer:
    """Version, process, state (`ready`, `draining` or `degraded`), slots, queue, experiments, machine, database."""
    return Answer(status_of(services))
