"""The body of submit and check, and how it becomes a spec."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio.to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestrator.api.interpreters import remembering
from orchestrator.errors import InvalidRequest, InvalidSpec, Problem
from orchestrator.spec.code import Surroundings
from orchestrator.spec.executors import installed_executors
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.spec.places import Place, code_places
from orchestrator.spec.reading import read_with_code
from orchestrator.worker.code import code_hash

LONGEST_TEXT = 1000

Absolute = Annotated[str, Field(pattern=r"^/[^\x00]*$", max_length=4096)]
Environment = dict[Literal["PATH", "VIRTUAL_ENV", "LANG"], Annotated[str, Field(pattern=r"^[^\x00]*$")]]


class SubmissionBody(BaseModel):
    """An experiment file as text, or its content as an object."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"text": "[stage]\ncall = 'model:evaluate'\n[space]\nx = [1, 2]\n", "folder": "/srv/model"}]
        },
    )

    text: str | None = Field(default=None, description="The raw text of the experiment file (TOML).")
    spec: dict[str, Any] | None = Field(default=None, description="The same as an object, instead of `text`.")
    folder: Absolute = Field(description="The file's folder: where its relative paths start.")
    source: str = Field(
        default="experiment.toml", min_length=1, max_length=LONGEST_TEXT, description="The file's name, for messages."
    )
    overrides: list[str] = Field(
        default=[],
        max_length=LONGEST_TEXT,
        description="KEY=VALUE each; see `--set`.",
        examples=[["limits.max_parallel=2"]],
    )
    environment: Environment = Field(default={}, description="What an evaluation sees of the submitter's environment.")

    @property
    def variables(self) -> dict[str, str]:
        """The environment by name."""
        return {str(name): value for name, value in self.environment.items()}

    @model_validator(mode="after")
    def _one_of_both(self) -> "SubmissionBody":
        if (self.text is None) == (self.spec is None):
            raise ValueError("give either text or spec")
        return self


def parse_body(data: bytes) -> SubmissionBody:
    """A body that came without the door. Raises InvalidRequest with all that is wrong with it."""
    try:
        return SubmissionBody.model_validate_json(data)
    except ValidationError as error:
        problems = [
            Problem(".".join(map(str, found["loc"])) or "body", found["msg"])
            for found in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidRequest("the submission is not valid", problems=problems) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSubmission:
    """A valid submission whose code is there."""

    spec: ExperimentSpec
    warnings: tuple[Problem, ...]
    code_hash: str
    code_places: tuple[Place, ...]


async def read_submission(body: SubmissionBody) -> ReadSubmission:
    """The spec in a submission. Raises InvalidSpec with every problem there is, missing code among them; imports nothing.

    In a thread: a long file, and looking for code on a slow disk, take long enough to be felt by everybody else.
    """
    return await anyio.to_thread.run_sync(_read, body)


def _read(body: SubmissionBody) -> ReadSubmission:
    content = body.spec if body.text is None else body.text
    assert content is not None
    folder = Path(body.folder)
    surroundings = Surroundings(
        executors=installed_executors(),
        search_path=[entry for entry in sys.path if entry],
        environment=body.variables,
        ask=remembering(),
    )
    read = read_with_code(
        content, folder=folder, source=body.source, overrides=body.overrides, surroundings=surroundings
    )
    places = code_places(read.spec, folder=folder)
    try:
        digest = code_hash(places)
    except OSError as error:
        problem = Problem(str(error.filename or folder), f"cannot be read: {error.strerror or error}")
        raise invalid(body, [problem]) from error
    return ReadSubmission(spec=read.spec, warnings=read.warnings, code_hash=digest, code_places=places)


def invalid(body: SubmissionBody, problems: Sequence[Problem]) -> InvalidSpec:
    """The refusal of a file whose code has problems."""
    return InvalidSpec(f"the code of {body.source} cannot be used", problems=problems)
