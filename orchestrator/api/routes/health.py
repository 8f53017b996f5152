"""healthz and readyz: for those who watch over the daemon. Whoever can open the socket may ask."""

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import Given
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
