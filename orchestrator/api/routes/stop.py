"""stop: the daemon drains and leaves."""

import os
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from orchestrator.api.answers import Answer
from orchestrator.api.services import CONTROLLING, Given

router = APIRouter()


class StopBody(BaseModel):
    """How to stop."""

    model_config = ConfigDict(extra="forbid")

    everything: bool = Field(default=False, alias="all", description="End isolated evaluations too.")


@router.post("/v1/stop", dependencies=[CONTROLLING])
async def stop(services: Given, body: Annotated[StopBody | None, Body()] = None) -> Answer:
    """Start nothing more, give running evaluations their time, leave. Answers `{"pid"}` at once; the process is gone later."""
    services.host.stop(body is not None and body.everything)
    return Answer({"pid": os.getpid()})
