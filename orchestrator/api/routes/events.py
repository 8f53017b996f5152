"""events: what has happened and happens, a line each."""

from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Query
from starlette.responses import Response

from orchestrator.api import pages
from orchestrator.api.services import READING, Given, Services
from orchestrator.api.streams import NDJSON, Pieces, StreamedAnswer, lines
from orchestrator.api.watching import is_of
from orchestrator.domain.refs import LARGEST
from orchestrator.errors import EventsGone
from orchestrator.store.broadcast import Subscription

router = APIRouter()

HEARTBEAT_SECONDS = 10.0

Since = Annotated[int | None, Query(ge=0, le=LARGEST, description="The last sequence number already known.")]
OfExperiment = Annotated[int | None, Query(ge=1, le=LARGEST, description="Events of this experiment only: its id.")]


@router.get("/v1/events", dependencies=[READING])
async def events(
    services: Given,
    since: Since = None,
    experiment: OfExperiment = None,
    follow: bool = Query(default=False, description="Go on with what happens."),  # noqa: FBT001 - a query parameter
) -> Response:
    """Events after `since`, a JSON document a line, each with its `seq`.

    The first line is `{"database", "seq"}`: the database's id and its latest event. Without `since`: all that are kept, or when
    following those to come. When following there is `{"kind": "heartbeat", "seq"}` after 10 s without an event. 410 when `since` is
    older than what is kept, or newer than the latest: then this is another database, or one brought back from a backup.
    """
    return StreamedAnswer(_told(services, since, experiment, follow=follow), media_type=NDJSON, follows=follow)


async def _told(services: Services, since: int | None, experiment: int | None, *, follow: bool) -> Pieces:
    views = services.views
    with services.events.subscribe() as subscription:  # before the latest is read: nothing can slip between
        oldest, latest = await views.journal.range()
        begin = _beginning(since, oldest=oldest, latest=latest, follow=follow)
        await views.journal.events(since=begin, limit=1)  # refuses while it can still be an ordinary refusal
        yield lines([{"database": await views.journal.database_id(), "seq": latest}])
        async for page in pages.events(views, since=begin, until=latest, experiment=experiment):
            yield lines(page)
        if follow:
            async for piece in _live(services, subscription, latest, experiment):
                yield piece


def _beginning(since: int | None, *, oldest: int, latest: int, follow: bool) -> int:
    if since is None:
        return latest if follow else oldest - 1
    if since > latest:
        raise EventsGone(
            f"event {since} has not happened here: the latest is {latest}",
            hint="this is another database than before, or an older copy of it; begin anew without since",
        )
    return since


async def _live(services: Services, subscription: Subscription, seen: int, experiment: int | None) -> Pieces:
    """Events after `seen` as they are committed; those a slow reader has missed come from the store."""
    while True:
        arrived = await _arrived(subscription)
        if arrived is None:
            return
        fresh = [event for event in arrived if event["seq"] > seen]
        if not fresh:
            if not arrived:
                yield lines([{"kind": "heartbeat", "seq": seen}])
            continue
        if fresh[0]["seq"] > seen + 1:
            newest = fresh[-1]["seq"]
            async for page in pages.events(services.views, since=seen, until=newest, experiment=experiment):
                yield lines(page)
        else:
            yield lines(event for event in fresh if experiment is None or is_of(event, experiment))
        seen = fresh[-1]["seq"]


async def _arrived(subscription: Subscription) -> list[dict[str, Any]] | None:
    """The next events; none when a heartbeat is due, None at the end."""
    with anyio.move_on_after(HEARTBEAT_SECONDS):
        return await subscription.next()
    return []
