"""Validating a part of the file by itself: a table, or one key of it."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError, create_model

from orchestrator.spec.base import SpecModel
from orchestrator.spec.explain import explain
from orchestrator.spec.findings import Finding, Place, shown
from orchestrator.spec.language import keys_of
from orchestrator.spec.space import AnyParameter, Parameter, When
from orchestrator.spec.stage import StageSpec

INVALID: Final = object()
"""Stands for the value of a key that is not valid."""

_PARAMETER: Final[TypeAdapter[AnyParameter]] = TypeAdapter(Parameter)
_WHEN: Final[TypeAdapter[When]] = TypeAdapter(When)


@cache
def _one_key(model: type[SpecModel], name: str) -> type[SpecModel]:
    """A model that has one key of another, without the rules that need several keys."""
    field = model.model_fields[name]
    definition: dict[str, Any] = {name: (field.annotation, field)}
    return create_model(f"{model.__name__}_{name}", __base__=SpecModel, **definition)


def validate_key(
    model: type[SpecModel], name: str, *, table: Mapping[str, Any], place: Place, findings: list[Finding]
) -> Any:
    """The value of one field of `model` as the table at `place` has it (or its default), or INVALID with findings."""
    key = dict(zip(model.model_fields, keys_of(model), strict=True))[name]
    given = {key: table[key]} if key in table else {}
    try:
        return getattr(_one_key(model, name).model_validate(given, by_name=False, by_alias=True), name)
    except ValidationError as error:
        findings.extend(explain(error, above=place))
        return INVALID


def validate_stage(table: Any, *, place: Place, findings: list[Finding]) -> StageSpec | None:
    """A stage; when it is not valid, findings and a stage of the keys that are; None when it is no table at all."""
    if not isinstance(table, dict):
        findings.append(Finding(place, f"must be a table; found {shown(table)}"))
        return None
    try:
        return StageSpec.model_validate(table, by_name=False, by_alias=True)
    except ValidationError as error:
        findings.extend(explain(error, above=place))
    values = {
        name: validate_key(StageSpec, name, table=table, place=place, findings=[]) for name in StageSpec.model_fields
    }
    return StageSpec.model_construct(**{name: value for name, value in values.items() if value is not INVALID})


def validate_parameter(value: Any, *, place: Place, findings: list[Finding]) -> AnyParameter | None:
    """A parameter, or None with findings."""
    try:
        return _PARAMETER.validate_python(value, by_name=False, by_alias=True)
    except ValidationError as error:
        found = explain(error, above=place)
        findings.extend(map(_as_written, found) if isinstance(value, list) else found)
        return None


def _as_written(finding: Finding) -> Finding:
    """The place without the key `choices`, which a bare list of choices does not have."""
    space, name, *rest = finding.place
    return Finding((space, name, *rest[1:]), finding.message)


def conditions_of(value: Any) -> When:
    """The conditions of a parameter that may be wrong otherwise; none when they are not valid."""
    try:
        return _WHEN.validate_python(value.get("when", {}) if isinstance(value, dict) else {}, strict=True)
    except ValidationError:
        return {}
