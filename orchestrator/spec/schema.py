"""The JSON Schema of the experiment file, for editors."""

from typing import Any, Final

from orchestrator.spec.experiment import ExperimentSpec

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """A new dictionary: the schema of what the file may say, with a description and examples at every key.

    What depends on several keys (`low` below `high`, stages in a circle) is left to the reader of the file.
    """
    schema = ExperimentSpec.model_json_schema(by_alias=True, mode="validation")
    properties, definitions = schema["properties"], schema["$defs"]
    array = properties["stage"]
    told = {key: array.pop(key) for key in ("description", "examples", "title") if key in array}
    properties["stage"] = {"anyOf": [{"$ref": "#/$defs/StageSpec"}, array], **told}
    _short_forms(definitions)
    return {"$schema": _DIALECT, **schema, "title": "Experiment"}


def _short_forms(definitions: dict[str, Any]) -> None:
    """What the file may write shorter than the models do: choices as a list, a condition's only value without a list."""
    choices = dict(definitions["Choices"])
    listed = choices["properties"]["choices"]
    values = {key: listed[key] for key in ("type", "items", "minItems")}
    definitions["ChoicesTable"] = choices
    definitions["Choices"] = {
        "title": "Choices",
        "description": choices.get("description", ""),
        "anyOf": [values, {"$ref": "#/$defs/ChoicesTable"}],
    }
    for name in ("ChoicesTable", "IntegerRange", "FloatRange"):
        condition = definitions[name]["properties"]["when"]["additionalProperties"]
        definitions[name]["properties"]["when"]["additionalProperties"] = {"anyOf": [listed["items"], condition]}
