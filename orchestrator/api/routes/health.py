"""healthz, readyz and metrics: for those who watch over the daemon. Whoever can open the socket may ask whether it is well."""

from fastapi import APIRouter
from starlette.responses import Response

from orchestrator.api.answers import Answer
from orchestrator.api.metrics import CONTENT_TYPE, counters, gauges, render
from orchestrator.api.services import READING, Given
from orchestrator.api.status import status_of
from orchestrator.errors import Unavailable

router = APIRouter()


@router.get("/healthz")
async def healthz() -> Answer:
    """Whether the daemon answers at all: `{"healthy": true}`."""
    return Answer({"healthy": True})


@router.get("/readyz")
async def readyz(services: Given) -> Answer:
    """Whether it takes new work: `{"state": "ready"}`, or 503 with code `unavailable`."""
    state = services.host.state()
    if state != "ready":
        why = services.orchestrator.degraded
        raise Unavailable(f"the daemon is {state}{f': {why}' if why else ''}", hint="orc status says more")
    return Answer({"state": state})


@router.get("/metrics", dependencies=[READING])
async def metrics(services: Given) -> Response:
    """Slots, queue, experiments by state, machine and database as gauges; attempts and what they used as counters. Prometheus text."""
    totals = await services.views.read("usage_totals")
    text = render([*gauges(status_of(services)), *counters(totals)])
    return Response(text, headers={"Content-Type": CONTENT_TYPE})
