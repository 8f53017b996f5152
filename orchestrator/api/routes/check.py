"""check: what is wrong with an experiment file, or what it would run."""

from dataclasses import asdict
from pathlib import Path

from fastapi import APIRouter, Request

from orchestrator.api.answers import Answer
from orchestrator.api.importing import try_imports
from orchestrator.api.services import CONTROLLING
from orchestrator.api.streams import unless_leaving
from orchestrator.api.submission import SubmissionBody, invalid, read_submission
from orchestrator.spec.plan import plan

router = APIRouter()


@router.post("/v1/check", dependencies=[CONTROLLING])
async def check(request: Request, body: SubmissionBody) -> Answer:
    """The plan of a valid file: `{"name", "plan", "warnings"}`; 400 with every problem there is otherwise.

    The file's callables are imported, in processes that are thrown away: so it needs the right to control. Nothing is kept.
    """
    read = await read_submission(body)
    importing = unless_leaving(
        request, lambda: try_imports(read.spec, folder=Path(body.folder), environment=body.variables)
    )
    problems = await importing
    if problems:
        raise invalid(body, problems)
    return Answer(
        {
            "name": read.spec.name,
            "plan": asdict(plan(read.spec)),
            "warnings": [asdict(warning) for warning in read.warnings],
        }
    )
