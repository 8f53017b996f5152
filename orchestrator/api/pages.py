"""Whole listings page by page, each page one short read: memory stays the same however long they are."""

from collections.abc import AsyncIterator
from typing import Any

from orchestrator.domain.refs import Ref
from orchestrator.store.views import Views

Row = dict[str, Any]
PAGE = 200


async def experiments(views: Views, *, limit: int | None, after: int | None) -> AsyncIterator[list[Row]]:
    """Experiments, newest first."""
    left = limit
    while left is None or left > 0:
        page = await views.list_experiments(limit=_size(left), after=after)
        if not page:
            return
        yield page
        after = page[-1]["id"]
        left = None if left is None else left - len(page)


async def variants(
    views: Views, experiment: int, *, limit: int | None = None, after: int = 0
) -> AsyncIterator[list[Row]]:
    """Variants with their iterations, in order of their numbers."""
    left = limit
    while left is None or left > 0:
        page = await views.variants(experiment, limit=_size(left), after=after)
        if not page:
            return
        yield page
        after = number_of(page[-1]["ref"])
        left = None if left is None else left - len(page)


async def variants_under(views: Views, ref: Ref) -> AsyncIterator[list[Row]]:
    """The variants a ref covers; of an iteration's variant that iteration only."""
    if ref.variant is None:
        async for page in variants(views, ref.experiment):
            yield page
        return
    found = await views.variant(ref)
    if ref.iteration is not None:
        found["iterations"] = [row for row in found["iterations"] if row["ref"] == str(ref)]
    yield [found]


async def events(views: Views, *, since: int, until: int, experiment: int | None) -> AsyncIterator[list[Row]]:
    """Events after `since`, up to and with `until`. Raises EventsGone."""
    while since < until:
        page = await views.journal.events(since=since, limit=PAGE, experiment=experiment)
        wanted = [event for event in page if event["seq"] <= until]
        if wanted:
            yield wanted
        if len(wanted) < PAGE:
            return
        since = wanted[-1]["seq"]


def number_of(ref: str) -> int:
    """The last number of a ref's text: 3 of `12.3`."""
    return int(ref.rpartition(".")[2])


def _size(left: int | None) -> int:
    return PAGE if left is None else min(PAGE, left)
