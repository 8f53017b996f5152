"""metrics: the status as Prometheus text."""

from fastapi import APIRouter
from starlette.responses import Response

from orchestrator.api.metrics import CONTENT_TYPE, gauges, render
from orchestrator.api.services import READING, Given
from orchestrator.api.status import status_of

router = APIRouter()


@router.get("/metrics", dependencies=[READING])
async def metrics(services: Given) -> Response:
    """Slots, queue, experiments by state, machine and database as gauges in the Prometheus text format."""
    return Response(render(gauges(status_of(services))), headers={"Content-Type": CONTENT_TYPE})
