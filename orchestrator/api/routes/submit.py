"""submit: accept an experiment."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Header

from orchestrator.api.answers import Answer
from orchestrator.api.services import CONTROLLING, Given
from orchestrator.api.submission import SubmissionBody, read_submission
from orchestrator.engine.setting import Submission

router = APIRouter()

CREATED, KNOWN = 201, 200

Key = Annotated[
    str | None,
    Header(min_length=1, max_length=200, description="Sent again with the same key, a submission is made once only."),
]


@router.post("/v1/experiments", dependencies=[CONTROLLING], status_code=CREATED)
async def submit(services: Given, body: SubmissionBody, idempotency_key: Key = None) -> Answer:
    """Accept an experiment: `{"id", "ref", "name", "warnings"}` once it is on disk. 201, or 200 when the key has been seen before."""
    read = await read_submission(body)
    submission = Submission(
        spec=read.spec,
        folder=body.folder,
        source=body.source,
        environment=body.variables,
        code_hash=read.code_hash,
        code_places=read.code_places,
        idempotency_key=idempotency_key,
    )
    accepted = await services.orchestrator.submit(submission)
    warnings = [asdict(warning) for warning in (*read.warnings, *services.orchestrator.wants.doubts(read.spec))]
    return Answer(
        {"id": accepted.id, "ref": str(accepted.id), "name": accepted.name, "warnings": warnings},
        status_code=CREATED if accepted.created else KNOWN,
        headers={"Location": f"/v1/experiments/{accepted.id}"},
    )
