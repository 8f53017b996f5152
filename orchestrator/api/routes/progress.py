"""progress: snapshots of how far an experiment is, or all that are active."""

from collections.abc import Iterable
from typing import Any

import anyio
from fastapi import APIRouter, Query
from starlette.responses import Response

from orchestrator.api.services import READING, ExperimentRef, Given, Services
from orchestrator.api.streams import NDJSON, Pieces, StreamedAnswer, lines
from orchestrator.api.watching import experiments_of
from orchestrator.domain.states import ENDED_EXPERIMENT
from orchestrator.errors import NotFound
from orchestrator.store.broadcast import Subscription

router = APIRouter()

SHORTEST_SECONDS = 0.1
WAITING_SECONDS = 1.0
"""How often it is asked why nothing runs, while somebody follows that: what an experiment waits for is told by no event of its own."""

SHARE_OF_TIME = 0.1  # reading snapshots takes at most this share of the time, however large and many the experiments

_BEGINNING = frozenset({"experiment_submitted", "experiment_reopened"})

_FOLLOW = Query(default=False, description="Go on until it has ended, or until nothing is active.")


@router.get("/v1/experiments/{ref}/progress", dependencies=[READING])
async def progress(services: Given, ref: ExperimentRef, follow: bool = _FOLLOW) -> Response:  # noqa: FBT001 - a query parameter
    """Snapshots, a JSON document a line; when following, one after each change (at most every 100 ms), the last when it has ended.

    While nothing runs, `waits` says why.
    """
    if follow:
        return StreamedAnswer(_one_followed(services, ref.experiment), media_type=NDJSON, follows=True)
    return Response(lines([await services.orchestrator.progress(ref.experiment)]), media_type=NDJSON)


@router.get("/v1/progress", dependencies=[READING])
async def progress_of_all(services: Given, follow: bool = _FOLLOW) -> Response:  # noqa: FBT001 - a query parameter
    """Snapshots of all experiments that have not ended, as of one.

    When following, of those that are submitted meanwhile too; once nothing is active, the last line is `{"active": 0}`.
    """
    if follow:
        return StreamedAnswer(_all_followed(services), media_type=NDJSON, follows=True)
    active = await services.views.read("open_experiments")
    found = [await services.orchestrator.progress(experiment) for experiment in active]
    return Response(lines(found), media_type=NDJSON)


class _Followed:
    """The experiments that are followed, and what was told of them last."""

    def __init__(self, services: Services, experiments: Iterable[int], *, joined: bool) -> None:
        self.active = set(experiments)
        self._joined = joined  # by what is submitted or reopened meanwhile
        self._services = services
        self._waits: dict[int, Any] = {}  # of those that were told
        self._standing: set[int] = set()  # evaluations wait and none runs

    async def snapshots(self, moved: set[int]) -> list[dict[str, Any]]:
        """Of those that have moved, and of those that stand and wait for something else than before."""
        told = []
        for experiment in sorted((moved | self._standing) & self.active):
            try:
                current = await self._services.orchestrator.progress(experiment)
            except NotFound:  # removed meanwhile
                self._forget(experiment)
                continue
            if experiment in moved or current["waits"] != self._waits.get(experiment):
                told.append(current)
            self._note(experiment, current)
        return told

    def _note(self, experiment: int, current: dict[str, Any]) -> None:
        if current["state"] in ENDED_EXPERIMENT:
            self._forget(experiment)
            return
        self._waits[experiment] = current["waits"]
        stands = current["iterations"]["queued"] and not current["iterations"]["running"]
        (self._standing.add if stands else self._standing.discard)(experiment)

    def _forget(self, experiment: int) -> None:
        self.active.discard(experiment)
        self._standing.discard(experiment)
        self._waits.pop(experiment, None)

    async def moved(self, subscription: Subscription) -> set[int] | None:
        """Those of which something was told, as soon as it is; none when it is time to look at those that stand; None at the end."""
        with anyio.move_on_after(WAITING_SECONDS if self._standing else None):
            while True:
                events = await subscription.next()
                if events is None:
                    return None
                moved = experiments_of(events)
                if self._joined:
                    self.active |= experiments_of(event for event in events if event["kind"] in _BEGINNING)
                if subscription.missed:
                    subscription.missed = False
                    return set(self.active)
                if moved & self.active:
                    return moved
        return set()


async def _one_followed(services: Services, experiment: int) -> Pieces:
    with services.events.subscribe() as subscription:
        async for piece in _told(_Followed(services, [experiment], joined=False), subscription):
            yield piece


async def _all_followed(services: Services) -> Pieces:
    with services.events.subscribe() as subscription:
        active = await services.views.read("open_experiments")
        followed = _Followed(services, active, joined=True)
        async for piece in _told(followed, subscription):
            yield piece
        if not followed.active:
            yield lines([{"active": 0}])


async def _told(followed: _Followed, subscription: Subscription) -> Pieces:
    """Snapshots until nothing of what is followed is active, or until the door closes."""
    moved: set[int] | None = set(followed.active)
    while moved is not None:
        began = anyio.current_time()
        told = await followed.snapshots(moved)
        cost = anyio.current_time() - began
        if told:
            yield lines(told)
        if not followed.active:
            return
        await anyio.sleep(max(SHORTEST_SECONDS, cost / SHARE_OF_TIME))
        moved = await followed.moved(subscription)
