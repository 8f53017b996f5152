"""The settings themselves, and the file that documents them."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from orchestrator.settings.model import Settings, allowed_values, is_list

DOCUMENT = Path(__file__).parents[3] / "config" / "orchestrator.toml"


def test_the_documented_file_holds_every_setting_at_its_default() -> None:
    """config/orchestrator.toml has the keys of the model, all of them, with the values a daemon has without a file."""
    documented = tomllib.loads(DOCUMENT.read_text())
    assert documented == Settings().model_dump(mode="json")
    assert Settings.model_validate(documented) == Settings()


def test_each_documented_setting_has_a_comment() -> None:
    """No line of config/orchestrator.toml sets something without a comment above it or above the group it belongs to."""
    paragraphs = re.split(r"\n\s*\n", DOCUMENT.read_text())
    assert all(part.lstrip().startswith("#") for part in paragraphs if re.search(r"^\w+ =", part, re.MULTILINE))


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_says_what_it_means_and_allows(name: str) -> None:
    """Each field has a description and a sentence of what is allowed, and knows whether it is a list."""
    assert Settings.model_fields[name].description
    assert allowed_values(name) != "another value"
    assert is_list(name) == isinstance(getattr(Settings(), name), tuple)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slots", True),
        ("slots", 1.5),
        ("slots", "many"),
        ("slots", 0),
        ("threads", -1),
        ("batch_seconds", 0),
        ("output_limit_bytes", 0),
        ("drain_seconds", "10"),
        ("read_users", "alice"),
        ("control_groups", [""]),
        ("log_format", "JSON"),
    ],
)
def test_values_are_strict(name: str, value: object) -> None:
    """Nothing is guessed: texts are no numbers, booleans no counts, a name no list."""
    with pytest.raises(ValidationError):
        Settings.model_validate({name: value})
