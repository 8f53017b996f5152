"""schema: the JSON Schema of experiment files."""

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import READING
from orchestrator.spec.schema import json_schema

router = APIRouter()


@router.get("/v1/schema", dependencies=[READING])
async def schema() -> Answer:
    """The JSON Schema of experiment files, for editors."""
    return Answer(json_schema())
