"""The table of lanes: `config/lanes.toml`, which every installation brings along, or a file of the administrator's own.

Read here is what the daemon needs of a lane; what its quality gates allow is for the pipeline that reads the same table.
"""

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from orchestrator.domain.durations import seconds_of
from orchestrator.errors import InvalidSettings, Problem

PACKAGE = Path(__file__).parents[1]
BUNDLED = (PACKAGE / "workloads" / "pipeline" / "lanes.toml", PACKAGE.parent / "config" / "lanes.toml")
"""Where it is once installed, and where it is in a checkout."""


def _read_duration(value: Any) -> float:
    seconds = seconds_of(value)
    if seconds is None or not 0 < seconds < math.inf:
        message = f'must be a duration such as "30s", "5min" or "1h30m", or a number of seconds; found {value!r}'
        raise ValueError(message)
    return seconds


def _read_workers(value: Any) -> int | None:
    if value == "auto":
        return None
    if type(value) is int and value >= 1:
        return value
    message = f'must be a whole number of at least 1, or "auto"; found {value!r}'
    raise ValueError(message)


class LaneSetting(BaseModel):
    """One lane. Keys that are for others are left to them."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, populate_by_name=True)

    strategy: str = Field(min_length=1)  # the executor of its stages
    workers: Annotated[int | None, BeforeValidator(_read_workers)] = None  # None: auto
    sla_seconds: Annotated[float | None, BeforeValidator(_read_duration)] = Field(default=None, alias="sla")
    limit_seconds: Annotated[float | None, BeforeValidator(_read_duration)] = Field(default=None, alias="limit")


def read_lanes(path: Path | None = None) -> dict[str, LaneSetting]:
    """The lanes by name; of the bundled table when no file is named. Raises InvalidSettings with every problem."""
    file = path or next((place for place in BUNDLED if place.is_file()), BUNDLED[0])
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"the table of lanes {file} cannot be read: {error}"
        raise InvalidSettings(message) from error
    found = table.get("lanes")
    lanes: dict[str, LaneSetting] = {}
    problems: list[Problem] = []
    for name, values in found.items() if isinstance(found, Mapping) else ():
        try:
            lanes[name] = LaneSetting.model_validate(values)
        except ValidationError as error:
            problems += [_problem(name, detail) for detail in error.errors(include_url=False)]
    if not lanes and not problems:
        problems = [Problem("lanes", "has no lane: a lane is a table such as [lanes.standard]")]
    if problems:
        message = f"the table of lanes {file} is not valid"
        raise InvalidSettings(message, problems=problems)
    return lanes


def _problem(lane: str, detail: Mapping[str, Any]) -> Problem:
    where = ".".join(map(str, ("lanes", lane, *detail["loc"])))
    return Problem(where, str(detail["msg"]).removeprefix("Value error, "))
