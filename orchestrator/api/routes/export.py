"""export: a row an iteration, as CSV or JSON."""

from collections.abc import AsyncIterator, Iterable
from typing import Any, Literal

from fastapi import APIRouter, Query

from orchestrator.api import pages, table
from orchestrator.api.services import READING, AnyRef, Given
from orchestrator.api.streams import Pieces, StreamedAnswer, json_list
from orchestrator.domain.refs import Ref
from orchestrator.store.views import Views

router = APIRouter()


@router.get("/v1/experiments/{ref}/export", dependencies=[READING])
async def export(
    services: Given,
    ref: AnyRef,
    form: Literal["csv", "json"] = Query(default="csv", alias="format"),
    timings: bool = Query(default=False, description="Add the measured numbers."),  # noqa: FBT001 - a query parameter
) -> StreamedAnswer:
    """A row an iteration (its last attempt), in ref order, refs relative to the experiment.

    Without `timings`, two runs of a deterministic experiment give identical bytes. JSON is a list of objects with the columns as keys.
    """
    layout = table.columns(await services.views.read("name_parts", {"experiment": ref.experiment}), timings=timings)
    if form == "csv":
        return StreamedAnswer(_csv(services.views, ref, layout), media_type="text/csv")
    return StreamedAnswer(json_list(_objects(services.views, ref, layout)), media_type="application/json")


async def _csv(views: Views, ref: Ref, layout: table.Columns) -> Pieces:
    yield table.as_csv([layout.names])
    async for page in pages.variants_under(views, ref):
        yield table.as_csv(table.rows(page, layout))


async def _objects(views: Views, ref: Ref, layout: table.Columns) -> AsyncIterator[Iterable[dict[str, Any]]]:
    names = layout.names
    async for page in pages.variants_under(views, ref):
        yield (dict(zip(names, row, strict=True)) for row in table.rows(page, layout))
