"""show: an experiment with its variants, a variant, or an iteration with its attempts."""

from fastapi import APIRouter
from starlette.responses import Response

from orchestrator.api import pages
from orchestrator.api.answers import Answer, encode
from orchestrator.api.services import READING, After, AnyRef, Given, Limit
from orchestrator.api.streams import Pieces, StreamedAnswer, json_list
from orchestrator.store.views import Views

router = APIRouter()


@router.get("/v1/experiments/{ref}", dependencies=[READING])
async def show(services: Given, ref: AnyRef, limit: Limit = None, after: After = None) -> Response:
    """The whole of it as one document, sent as it is read.

    Of an experiment `limit` and `after` (a variant's number) page its variants.
    """
    views = services.views
    if ref.iteration is not None:
        return Answer(await views.iteration(ref))
    if ref.variant is not None:
        return Answer(await views.variant(ref))
    return StreamedAnswer(_document(views, ref.experiment, limit, after or 0), media_type="application/json")


async def _document(views: Views, experiment: int, limit: int | None, after: int) -> Pieces:
    head = encode(await views.experiment(experiment))
    listing = pages.variants(views, experiment, limit=limit, after=after)
    async for piece in json_list(listing, before=head[:-1] + b',"variants":', after=b"}\n"):
        yield piece
