"""The schema for editors says what the reader accepts."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.spec.schema import json_schema
from tests.unit.spec.files import RIGHT, SPECS
from tests.unit.spec.json_schema import fits

WRONG_IN_FORM = [
    "types",
    "key-misspelt",
    "section-misspelt",
    "stage-missing",
    "parameters",
    "criteria",
    "command-words",
]


def keys() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of every table."""
    schema = json_schema()
    for table, definition in {"experiment": schema, **schema["$defs"]}.items():
        for key, part in definition.get("properties", {}).items():
            yield f"{table}.{key}", part


@pytest.mark.parametrize("file", RIGHT, ids=lambda file: file.stem)
def test_right_files_fit_the_schema(file: Path) -> None:
    """An editor finds nothing wrong with a right file."""
    schema = json_schema()

    assert fits(tomllib.loads(file.read_text(encoding="utf-8")), schema, definitions=schema["$defs"])


@pytest.mark.parametrize("name", WRONG_IN_FORM)
def test_files_wrong_in_form_do_not_fit(name: str) -> None:
    """An editor marks misspelt keys, wrong types and missing keys."""
    schema = json_schema()
    content = tomllib.loads((SPECS / "wrong" / f"{name}.toml").read_text(encoding="utf-8"))

    assert not fits(content, schema, definitions=schema["$defs"])


@pytest.mark.parametrize(("name", "part"), list(keys()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_key_is_described_with_examples_that_fit(name: str, part: dict[str, Any]) -> None:
    """Every key has a description and at least one example, and each example is valid at that key."""
    del name
    assert part["description"]
    assert part["examples"]
    assert all(fits(example, part, definitions=json_schema()["$defs"]) for example in part["examples"])


def test_the_schema_is_json_and_knows_no_null() -> None:
    """The schema can be written as JSON, and nothing in it allows null, which TOML does not have."""
    text = json.dumps(json_schema())

    assert "null" not in text
