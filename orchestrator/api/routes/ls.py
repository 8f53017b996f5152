"""ls: experiments, newest first."""

from fastapi import APIRouter

from orchestrator.api import pages
from orchestrator.api.services import READING, After, Given, Limit
from orchestrator.api.streams import StreamedAnswer, json_list

router = APIRouter()


@router.get("/v1/experiments", dependencies=[READING])
async def ls(services: Given, limit: Limit = None, after: After = None) -> StreamedAnswer:
    """A list of experiments, newest first; `after` is the id the page before ended with."""
    listing = pages.experiments(services.views, limit=limit, after=after)
    return StreamedAnswer(json_list(listing), media_type="application/json")
