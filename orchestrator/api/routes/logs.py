"""logs: captured output."""

from fastapi import APIRouter, Query

from orchestrator.api.following import Follower
from orchestrator.api.outputs import Which
from orchestrator.api.services import READING, AnyRef, Given
from orchestrator.api.streams import StreamedAnswer

router = APIRouter()


@router.get("/v1/experiments/{ref}/logs", dependencies=[READING])
async def logs(
    services: Given,
    ref: AnyRef,
    stream: Which = "both",
    follow: bool = Query(default=False, description="Go on until it has ended."),  # noqa: FBT001 - a query parameter
) -> StreamedAnswer:
    """What the last attempts printed, as plain text. Of more than one file, a line before each says which follows."""
    follower = Follower(services, ref, stream)
    pieces = follower.followed() if follow else follower.printed()
    return StreamedAnswer(pieces, media_type="text/plain", follows=follow)
