"""check: what is wrong with an experiment file, or what it would run."""

from fastapi import APIRouter, Request

from orchestrator.api.answers import Answer
from orchestrator.api.checking import check_submission
from orchestrator.api.services import CONTROLLING, Given
from orchestrator.api.streams import unless_leaving
from orchestrator.api.submission import SubmissionBody

router = APIRouter()


@router.post("/v1/check", dependencies=[CONTROLLING])
async def check(request: Request, services: Given, body: SubmissionBody) -> Answer:
    """The plan of a valid file: `{"name", "plan", "warnings"}`; 400 with every problem there is otherwise.

    The file's callables are imported, in processes that are thrown away: so it needs the right to control. Nothing is kept.
    """
    wants = services.orchestrator.wants
    return Answer(await unless_leaving(request, lambda: check_submission(body, wants)))
