"""The space: what can be varied, in which values, under which conditions."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from orchestrator.domain.identity import canonical_json
from orchestrator.spec.base import Scalar, SpecModel, wrong, wrong_table

LARGEST_INTEGER = 2**63 - 1


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


When = Mapping[str, Annotated[tuple[Scalar, ...], Field(min_length=1), BeforeValidator(_as_tuple)]]
"""Parameter to the values it may have; all must hold."""

_WHEN = "The parameter exists only when these other parameters have one of these values."


class Choices(SpecModel):
    """One of some values, in their order."""

    choices: tuple[Scalar, ...] = Field(
        min_length=1, strict=False, description="The values, in order.", examples=[["ema", "sma"]]
    )
    when: When = Field(default={}, description=_WHEN, examples=[{"kind": "ema"}])

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        return {"choices": value} if isinstance(value, (list, tuple)) else value

    @field_validator("choices")
    @classmethod
    def _each_once(cls, choices: tuple[Any, ...]) -> tuple[Any, ...]:
        once: dict[str, Any] = {}
        for choice in choices:
            once.setdefault(canonical_json(choice), choice)
        return tuple(once.values())


Integer = Annotated[int, Field(ge=-LARGEST_INTEGER - 1, le=LARGEST_INTEGER)]


class IntegerRange(SpecModel):
    """Whole numbers from low to high, both included."""

    low: Integer = Field(description="The lowest value.", examples=[5])
    high: Integer = Field(description="The highest value, included when a step leads to it.", examples=[60])
    log: bool = Field(default=False, description="Whether values are drawn evenly in the logarithm.", examples=[True])
    step: Integer = Field(default=1, gt=0, description="From one value to the next.", examples=[5])
    when: When = Field(default={}, description=_WHEN, examples=[{"kind": "ema"}])

    @field_validator("high")
    @classmethod
    def _bounds(cls, high: int, info: ValidationInfo) -> int:
        _check_bounds(info.data.get("low"), high)
        return high

    @field_validator("log")
    @classmethod
    def _logarithm(cls, log: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - a validator's signature
        _check_log(info.data.get("low"), log=log)
        return log

    @field_validator("step")
    @classmethod
    def _reach(cls, step: int, info: ValidationInfo) -> int:
        if step != 1:
            _check_step(step, info.data)
        return step


class FloatRange(SpecModel):
    """Numbers from low to high; every one of them, or every step."""

    low: float = Field(description="The lowest value.", examples=[0.1])
    high: float = Field(description="The highest value, included when a step leads to it.", examples=[2.0])
    log: bool = Field(default=False, description="Whether values are drawn evenly in the logarithm.", examples=[True])
    step: float | None = Field(
        default=None, gt=0, description="From one value to the next; without it every value.", examples=[0.1]
    )
    when: When = Field(default={}, description=_WHEN, examples=[{"kind": "ema"}])

    @field_validator("high")
    @classmethod
    def _bounds(cls, high: float, info: ValidationInfo) -> float:
        _check_bounds(info.data.get("low"), high)
        return high

    @field_validator("log")
    @classmethod
    def _logarithm(cls, log: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - a validator's signature
        _check_log(info.data.get("low"), log=log)
        return log

    @field_validator("step")
    @classmethod
    def _reach(cls, step: float | None, info: ValidationInfo) -> float | None:
        if step is not None:
            _check_step(step, info.data)
        return step


def _check_bounds(low: float | None, high: float) -> None:
    if low is not None and low >= high:
        raise wrong_table(f"low must be less than high; found low = {low} and high = {high}")


def _check_log(low: float | None, *, log: bool) -> None:
    if log and low is not None and low <= 0:
        raise wrong_table(f"log = true needs low > 0; found low = {low}")


def _check_step(step: float, others: Mapping[str, Any]) -> None:
    if others.get("log"):
        raise wrong("does not go with log = true; leave one of them out")
    low, high = others.get("low"), others.get("high")
    if low is not None and high is not None and low + step > high:
        raise wrong_table(f"step = {step} does not reach a second value between low = {low} and high = {high}")


def _kind(value: Any) -> str | None:
    if isinstance(value, (list, tuple, Choices)):
        return "choices"
    if isinstance(value, SpecModel):
        return "integers" if isinstance(value, IntegerRange) else "numbers"
    if not isinstance(value, Mapping):
        return None
    if "choices" in value:
        return "choices"
    numbers = [value[key] for key in ("low", "high", "step") if key in value]
    return "integers" if numbers and all(type(number) is int for number in numbers) else "numbers"


Parameter = Annotated[
    Annotated[Choices, Tag("choices")]
    | Annotated[IntegerRange, Tag("integers")]
    | Annotated[FloatRange, Tag("numbers")],
    Discriminator(_kind),
]
"""One thing that is varied, as the file writes it."""

AnyParameter: TypeAlias = Choices | IntegerRange | FloatRange
"""One thing that is varied, as a type."""

Space: TypeAlias = Mapping[str, AnyParameter]
"""Parameters by name, in the file's order."""
