"""pydantic's errors in words for the person who wrote the file."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orchestrator.spec.findings import MOST_FINDINGS, Finding, Place, shown
from orchestrator.spec.language import later_form, unknown_key, unknown_word

_QUOTED = re.compile(r"'([^']*)'")

_SENTENCES: Final[Mapping[str, str]] = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "finite_number": "must be a finite number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} entry",
    "too_long": "must have at most {max_length} entries",
    "string_too_short": "must have at least {min_length} character",
    "string_too_long": "must have at most {max_length} characters",
}

_SHAPES: Final[Mapping[str, str]] = {
    "space": "must be a list of choices, { low = …, high = … } or { choices = [ … ] }",
    "stage": 'must be a criterion { metric = "…", op = ">=", threshold = … } or { top = 0.3 }',
}


def explain(error: ValidationError, *, above: Place) -> Iterator[Finding]:
    """One finding an error, the first hundred; `above` is the place of what was validated."""
    for detail in error.errors(include_url=False)[:MOST_FINDINGS]:
        if detail["type"] == "too_short" and len(detail["input"]) >= detail.get("ctx", {})["min_length"]:
            continue  # enough entries are there; the ones that are wrong have errors of their own
        place = (*above, *_without_tags(detail["loc"], above=above))
        if detail["type"] == "wrong_table":
            place = place[:-1]
        yield Finding(place, _sentence(detail, place=place))


def _without_tags(location: Place, *, above: Place) -> Place:
    """The location without the names of the members of a union: a parameter's begins with one, promotions and timeouts have one."""
    if above[:1] == ("space",):
        return location[1:]
    return (location[0], *location[2:]) if location[:1] in (("promote",), ("timeout",)) else location


def _sentence(detail: ErrorDetails, *, place: Place) -> str:
    kind, context, found = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind in ("wrong", "wrong_table"):
        return str(context["message"])
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return unknown_key(place)
    if kind in ("literal_error", "enum") and isinstance(found, str):
        return unknown_word(place, found, allowed=_QUOTED.findall(str(context["expected"])))
    return _mismatch(kind, context, found=found, place=place)


def _mismatch(kind: str, context: Mapping[str, Any], *, found: Any, place: Place) -> str:
    later = later_form(place, found)
    if later is not None:
        return later
    if kind == "union_tag_not_found":
        return f"{_SHAPES[str(place[0])]}; found {shown(found)}"
    if kind in ("literal_error", "enum"):
        return f"must be one of {context['expected']}; found {shown(found)}"
    if kind in ("too_short", "string_too_short") and not found:
        return "must not be empty"
    sentence = _SENTENCES.get(kind)
    if sentence is None:
        return f"is not valid; found {shown(found)}"
    return f"{sentence.format(**context)}; found {shown(found)}"
