"""wait: answer when something has ended."""

from typing import Annotated

import anyio
from fastapi import APIRouter, Query, Request

from orchestrator.api.answers import Answer
from orchestrator.api.services import READING, AnyRef, Given, Services
from orchestrator.api.standing import standing
from orchestrator.api.streams import unless_leaving
from orchestrator.api.watching import any_may_move
from orchestrator.domain.refs import Ref

router = APIRouter()

LONGEST_SECONDS = 1e9
Timeout = Annotated[
    float | None,
    Query(
        ge=0, le=LONGEST_SECONDS, allow_inf_nan=False, description="Seconds to wait at most. Without: until it ends."
    ),
]


@router.get("/v1/experiments/{ref}/wait", dependencies=[READING])
async def wait(request: Request, services: Given, ref: AnyRef, timeout: Timeout = None) -> Answer:
    """Answers when it has ended or the time is up: `{"ref", "state", "reason", "ended"}`.

    A daemon that stops answers at once, with `ended` false.
    """
    with anyio.move_on_after(timeout):
        await unless_leaving(request, lambda: _until_ended(services, ref))
    return Answer(await standing(services.views, ref))


async def _until_ended(services: Services, ref: Ref) -> None:
    with services.events.subscribe() as subscription:  # before the first look: no end can slip between
        current = await standing(services.views, ref)
        while not current["ended"] and (events := await subscription.next()) is not None:
            if subscription.missed or any_may_move(events, ref):
                subscription.missed = False
                current = await standing(services.views, ref)
