"""progress: snapshots of how far an experiment is."""

import anyio
from fastapi import APIRouter, Query
from starlette.responses import Response

from orchestrator.api.services import READING, ExperimentRef, Given, Services
from orchestrator.api.streams import NDJSON, Pieces, StreamedAnswer, lines
from orchestrator.api.watching import is_of
from orchestrator.domain.states import ENDED_EXPERIMENT
from orchestrator.errors import NotFound
from orchestrator.store.broadcast import Subscription

router = APIRouter()

SHORTEST_SECONDS = 0.1
WAITING_SECONDS = 1.0
"""How often it is asked why nothing runs, while somebody follows that: what an experiment waits for is told by no event of its own."""

SHARE_OF_TIME = 0.1  # reading snapshots takes at most this share of the time, however large the experiment


@router.get("/v1/experiments/{ref}/progress", dependencies=[READING])
async def progress(
    services: Given,
    ref: ExperimentRef,
    follow: bool = Query(default=False, description="Go on until it has ended."),  # noqa: FBT001 - a query parameter
) -> Response:
    """Snapshots, a JSON document a line; when following, one after each change (at most every 100 ms), the last when it has ended.

    While nothing runs, `waits` says why.
    """
    if follow:
        return StreamedAnswer(_followed(services, ref.experiment), media_type=NDJSON, follows=True)
    return Response(lines([await services.orchestrator.progress(ref.experiment)]), media_type=NDJSON)


async def _followed(services: Services, experiment: int) -> Pieces:
    with services.events.subscribe() as subscription:
        waits, moved = None, True
        while True:
            began = anyio.current_time()
            try:
                current = await services.orchestrator.progress(experiment)
            except NotFound:  # removed meanwhile
                return
            cost = anyio.current_time() - began
            if moved or current["waits"] != waits:
                yield lines([current])
            if current["state"] in ENDED_EXPERIMENT:
                return
            waits = current["waits"]
            await anyio.sleep(max(SHORTEST_SECONDS, cost / SHARE_OF_TIME))
            stands = current["iterations"]["queued"] and not current["iterations"]["running"]
            with anyio.move_on_after(WAITING_SECONDS if stands else None) as waiting:
                if not await _moved(subscription, experiment):
                    return
            moved = not waiting.cancelled_caught


async def _moved(subscription: Subscription, experiment: int) -> bool:
    """Return once something has happened to an experiment; False when nothing more will be told."""
    events = await subscription.next()
    while events is not None and not any(is_of(event, experiment) for event in events):
        events = await subscription.next()
    return events is not None
