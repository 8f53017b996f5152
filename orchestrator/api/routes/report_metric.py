"""report-metric: what a running evaluation tells of itself."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictInt, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from orchestrator.api.answers import Answer
from orchestrator.api.services import REPORTING, Given, RefText
from orchestrator.domain.refs import LARGEST, parse_ref
from orchestrator.domain.report import Spent
from orchestrator.engine.receiving import Message
from orchestrator.worker.results import LONGEST_NAME, is_name, number_of

router = APIRouter()

WRITTEN, TAKEN = 200, 202


def _number(value: Any) -> float:
    if isinstance(value, (int, float)):
        try:
            return number_of(value)
        except ValueError:  # true, false, and what is not finite
            pass
    raise PydanticCustomError("number", "must be a finite number")


def _name(value: Any) -> str:
    if not (isinstance(value, str) and is_name(value)):
        raise PydanticCustomError("name", "must be 1 to {longest} printable characters", {"longest": LONGEST_NAME})
    return value


Number = Annotated[float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
Name = Annotated[str, PlainValidator(_name), WithJsonSchema({"type": "string"})]
Count = Annotated[StrictInt, Field(ge=0, le=LARGEST)]
Wait = Annotated[
    bool, Query(description="Answer once it is on disk; else at once, and it is on disk within a second or so.")
]


class ReportBody(BaseModel):
    """Numbers at a step, or what was spent, or both."""

    model_config = ConfigDict(extra="forbid")

    step: Count | None = Field(default=None, description="How far the evaluation is.", examples=[12])
    metrics: dict[Name, Number] = Field(
        default={}, max_length=1000, description="Finite numbers by name.", examples=[{"loss": 0.31}]
    )
    attempt: Annotated[StrictInt, Field(ge=1, le=LARGEST)] | None = Field(
        default=None, description="Whose report it is: $ORC_ATTEMPT. One that is over is refused.", examples=[1]
    )
    number: Count | None = Field(
        default=None, description="Its place among the reports of the attempt, from 0. Default: the next.", examples=[0]
    )
    usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=0.0, description="US dollars spent since the last call.", examples=[0.02]
    )
    tokens: Count = Field(default=0, description="Tokens used since the last call.", examples=[1200])

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.step is None and (self.metrics or not (self.usd or self.tokens)):
            raise PydanticCustomError("nothing", "metrics need a step; without a step there must be usd or tokens")
        return self

    @property
    def message(self) -> Message:
        """What the engine takes in."""
        spent = Spent(self.usd, self.tokens) if self.usd or self.tokens else None
        return Message(attempt=self.attempt, step=self.step, metrics=self.metrics, number=self.number, spent=spent)


@router.post("/v1/experiments/{ref}/report-metric", dependencies=[REPORTING])
async def report_metric(services: Given, ref: RefText, body: ReportBody, *, wait: Wait = True) -> Answer:
    """Take in what a running iteration tells: `{"ref", "attempt", "step", "pruned"}`; `pruned` says why it is to end, or null.

    409 when the iteration does not run, or runs in another attempt.
    """
    answer = await services.orchestrator.receiver.receive(parse_ref(ref), body.message, wait=wait)
    return Answer(answer, status_code=WRITTEN if wait else TAKEN)
