"""Just enough of JSON Schema to ask whether a value fits one; a keyword it does not know is a KeyError."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
NOTES: Final = {"title", "description", "examples", "default", "format", "$schema", "$defs"}

PLAIN: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "enum": lambda wanted, value: value in wanted,
    "type": lambda wanted, value: any(_is(value, name) for name in ([wanted] if isinstance(wanted, str) else wanted)),
    "required": lambda wanted, value: all(name in value for name in wanted),
    "minItems": lambda wanted, value: len(value) >= wanted,
    "maxItems": lambda wanted, value: len(value) <= wanted,
    "minLength": lambda wanted, value: len(value) >= wanted,
    "maxLength": lambda wanted, value: len(value) <= wanted,
    "minimum": lambda wanted, value: bool(value >= wanted),
    "maximum": lambda wanted, value: bool(value <= wanted),
    "exclusiveMinimum": lambda wanted, value: bool(value > wanted),
    "pattern": lambda wanted, value: re.search(wanted, value) is not None,
}


def fits(value: Any, schema: Mapping[str, Any], *, definitions: Mapping[str, Any]) -> bool:
    """Whether the value is valid under the schema; its type is asked first, so that the other keywords can rely on it."""
    if "type" in schema and not PLAIN["type"](schema["type"], value):
        return False
    plain = all(PLAIN[key](wanted, value) for key, wanted in schema.items() if key not in NOTES and key not in NESTED)
    return plain and all(NESTED[key](schema, value, definitions) for key in schema if key in NESTED)


def _additional(schema: Mapping[str, Any], value: Any, definitions: Mapping[str, Any]) -> bool:
    wanted = schema["additionalProperties"]
    others = [inner for name, inner in value.items() if name not in schema.get("properties", {})]
    if isinstance(wanted, bool):
        return wanted or not others
    return all(fits(other, wanted, definitions=definitions) for other in others)


def _properties(schema: Mapping[str, Any], value: Any, definitions: Mapping[str, Any]) -> bool:
    parts = schema["properties"].items()
    return all(fits(value[name], part, definitions=definitions) for name, part in parts if name in value)


def _how_many(options: list[Any], value: Any, definitions: Mapping[str, Any]) -> int:
    return sum(fits(value, option, definitions=definitions) for option in options)


NESTED: Final[Mapping[str, Callable[[Mapping[str, Any], Any, Mapping[str, Any]], bool]]] = {
    "$ref": lambda schema, value, all_of: fits(
        value, all_of[schema["$ref"].removeprefix("#/$defs/")], definitions=all_of
    ),
    "anyOf": lambda schema, value, all_of: _how_many(schema["anyOf"], value, all_of) > 0,
    "oneOf": lambda schema, value, all_of: _how_many(schema["oneOf"], value, all_of) == 1,
    "items": lambda schema, value, all_of: all(fits(item, schema["items"], definitions=all_of) for item in value),
    "properties": _properties,
    "additionalProperties": _additional,
}


def _is(value: Any, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
