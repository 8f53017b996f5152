"""The JSON Schema of the experiment file, for editors."""

from typing import Any, Final

from orchestrator.spec.experiment import ExperimentSpec

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NULL: Final = {"type": "null"}


def json_schema() -> dict[str, Any]:
    """A new dictionary: the schema of what the file may say, with a description and examples at every key.

    What depends on several keys (`low` below `high`, stages in a circle) is left to the reader of the file.
    """
    schema = _without_null(ExperimentSpec.model_json_schema(by_alias=True, mode="validation"))
    properties, definitions = schema["properties"], schema["$defs"]
    _short_stage(properties)
    parameter = properties["space"]["additionalProperties"]
    parameter["anyOf"] = parameter.pop("oneOf")  # a range of whole numbers is a range of numbers too
    _short_choices(definitions)
    for name in ("ChoicesTable", "IntegerRange", "FloatRange"):
        _short_condition(definitions[name]["properties"]["when"])
    return {"$schema": _DIALECT, **schema, "title": "Experiment"}


def _without_null(node: Any) -> Any:
    """TOML has no null: a key that may be absent is left out."""
    if isinstance(node, list):
        return [_without_null(inner) for inner in node if inner != _NULL]
    if not isinstance(node, dict):
        return node
    kept = {key: _without_null(inner) for key, inner in node.items() if inner is not None}
    if len(kept.get("anyOf", ())) == 1:
        (only,) = kept.pop("anyOf")
        kept = {**only, **kept}
    return kept


def _short_stage(properties: dict[str, Any]) -> None:
    """A lone stage is a table."""
    array = properties["stage"]
    told = {key: array.pop(key) for key in ("title", "description", "examples")}
    properties["stage"] = {"anyOf": [{"$ref": "#/$defs/StageSpec"}, array], **told}


def _short_choices(definitions: dict[str, Any]) -> None:
    """Choices are a bare list, or a table with a list."""
    table = definitions["Choices"]
    array = {key: table["properties"]["choices"][key] for key in ("type", "items", "minItems")}
    definitions["ChoicesTable"] = table
    definitions["Choices"] = {
        "title": "Choices",
        "description": table["description"],
        "anyOf": [array, {"$ref": "#/$defs/ChoicesTable"}],
    }


def _short_condition(when: dict[str, Any]) -> None:
    """The only value of a condition needs no list."""
    array = when["additionalProperties"]
    when["additionalProperties"] = {"anyOf": [array["items"], array]}
