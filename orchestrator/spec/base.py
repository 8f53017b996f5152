"""What all models of the file share: strict, frozen, and errors worded for a person."""

import math
import unicodedata
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from orchestrator.domain.durations import PATTERN, seconds_of

LONGEST_SECONDS = 1e9
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


class SpecModel(BaseModel):
    """A table of the file. Its dump has the file's keys, and the same model reads it back."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


def wrong(message: str) -> PydanticCustomError:
    """An error about one key, in our own words."""
    return PydanticCustomError("wrong", "{message}", {"message": message})


def wrong_table(message: str) -> PydanticCustomError:
    """An error found at one key that is about the table it stands in."""
    return PydanticCustomError("wrong_table", "{message}", {"message": message})


def unprintable(text: str) -> bool:
    """Whether the text has control characters, line separators or half a surrogate pair in it."""
    return any(unicodedata.category(character) in _UNPRINTABLE for character in text)


def _read_duration(value: Any) -> float:
    if isinstance(value, dict) and "factor" in value:
        raise wrong('must be a fixed duration such as "60s"; { factor = … } goes with the timeout of a stage only')
    seconds = seconds_of(value)
    if seconds is None:
        raise wrong('must be a duration such as "60s", "5min" or "2h30m", or a number of seconds')
    return _bounded(seconds, value)


def _bounded(seconds: float, value: Any) -> float:
    if not (0 <= seconds <= LONGEST_SECONDS):
        raise wrong(f"must be a duration from 0 to {LONGEST_SECONDS:.0f} seconds; found {str(value)[:40]}")
    return seconds


def _read_positive_duration(value: Any) -> float:
    seconds = _read_duration(value)
    if seconds == 0:
        raise wrong("must be longer than 0 seconds")
    return seconds


_DURATION_SCHEMA = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": PATTERN},
    ]
}

Duration = Annotated[float, BeforeValidator(_read_duration), WithJsonSchema(_DURATION_SCHEMA)]
"""Seconds; in the file a number of them or text such as "2h30m"."""

PositiveDuration = Annotated[float, BeforeValidator(_read_positive_duration), WithJsonSchema(_DURATION_SCHEMA)]
"""A duration that is not 0."""


def _read_scalar(value: Any) -> Any:
    if not isinstance(value, (str, int, float, bool)):
        raise wrong("must be a text, a number, true or false")
    if isinstance(value, float) and not math.isfinite(value):
        raise wrong("must be a finite number")
    return value


Scalar = Annotated[
    str | int | float | bool,
    BeforeValidator(_read_scalar),
    WithJsonSchema({"type": ["string", "integer", "number", "boolean"]}),
]
"""What a parameter can be; kept as it is: 1, 1.0 and true are three values."""


def _read_text(value: Any) -> Any:
    if isinstance(value, str) and unprintable(value):
        raise wrong("must not contain control characters")
    if isinstance(value, str) and not value.strip():
        raise wrong("must not be empty")
    return value


Text = Annotated[str, BeforeValidator(_read_text), Field(max_length=1_000)]
"""A short printable text that is not empty."""
