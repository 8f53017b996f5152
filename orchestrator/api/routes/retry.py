"""retry: run again what failed or was cancelled; a named iteration whatever it came to."""

from typing import Annotated

from fastapi import APIRouter, Query

from orchestrator.api.answers import Answer
from orchestrator.api.services import CONTROLLING, AnyRef, Given

router = APIRouter()

Failed = Annotated[bool, Query(description="Only what failed: what was cancelled stays cancelled.")]

Accept = Annotated[bool, Query(description="With the code as it is now, though it has changed since it was submitted.")]


@router.post("/v1/experiments/{ref}/retry", dependencies=[CONTROLLING])
async def retry(services: Given, ref: AnyRef, *, failed: Failed = False, accept_code: Accept = False) -> Answer:
    """Run again what failed or was cancelled; a named iteration whatever it came to.

    Answers with its ref, its state, counts (`iterations`, `variants`) and whether its code has changed since it was submitted
    (`code_changed`: it pauses as soon as a process is to load it); 409 when there is nothing to do.
    """
    return Answer(await services.orchestrator.retry(ref, failed_only=failed, accept_code=accept_code))
