"""What is sent for a file, a text or a dict."""

import os
import tomllib
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from orchestrator.client.submission import override_texts, read_spec, submission
from orchestrator.errors import InvalidRequest, InvalidSpec

TEXT = 'name = "grün"\n'


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    """The text, its folder and its name; of the environment three variables."""
    (tmp_path / "e.toml").write_text(TEXT, encoding="utf-8")
    environ = {"PATH": "/bin", "LANG": "C", "SECRET": "x"}
    assert submission(tmp_path / "e.toml", overrides=["seed=1"], environ=environ) == {
        "text": TEXT,
        "folder": str(tmp_path),
        "source": "e.toml",
        "overrides": ["seed=1"],
        "environment": {"PATH": "/bin", "LANG": "C"},
    }


def test_a_folder_means_its_experiment_file(tmp_path: Path) -> None:
    """And says so when there is none."""
    with pytest.raises(InvalidSpec) as refused:
        read_spec(tmp_path)
    assert "is a folder without experiment.toml" in refused.value.problems[0].message
    (tmp_path / "experiment.toml").write_text(TEXT, encoding="utf-8")
    assert read_spec(tmp_path).text == TEXT
    assert read_spec(tmp_path).folder == tmp_path


def test_a_traceback_shows_every_problem(tmp_path: Path) -> None:
    """Who catches nothing learns from Python's own last lines what is wrong, and where."""
    with pytest.raises(InvalidSpec) as refused:
        read_spec(tmp_path / "gone")
    shown = "".join(traceback.format_exception_only(refused.value))
    assert "cannot be used as an experiment file" in shown
    assert f"{tmp_path}/gone: there is no such file" in shown


def test_text_and_dicts_start_at_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any str with a line end is text."""
    monkeypatch.chdir(tmp_path)
    assert submission(TEXT, environ={})["text"] == TEXT
    sent = submission({"space": {"x": (1, 2)}}, environ={})
    assert (sent["spec"], sent["folder"]) == ({"space": {"x": [1, 2]}}, str(tmp_path))


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_a_dict_holds_only_what_json_has(value: Any) -> None:
    """Anything else is refused before it is sent."""
    with pytest.raises(InvalidSpec, match="JSON"):
        submission({"x": value}, environ={})


def test_a_pipe_is_refused_without_waiting_for_its_other_end(tmp_path: Path) -> None:
    """Opening it would block for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidSpec) as refused:
        read_spec(tmp_path / "pipe")
    assert refused.value.problems[0].message == "is not a regular file"


@pytest.mark.parametrize("name", ["missing.toml", "\0", "x" * 5000])
def test_a_name_no_file_has_is_an_ordinary_mistake(tmp_path: Path, name: str) -> None:
    """Whatever the system says about it."""
    with pytest.raises(InvalidSpec):
        read_spec(tmp_path / name)


def test_an_empty_name_is_not_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where that has an experiment file."""
    (tmp_path / "experiment.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidSpec, match="the path is empty"):
        read_spec("")


def test_a_file_that_is_no_text_is_refused_with_its_line(tmp_path: Path) -> None:
    """The byte and the line are named."""
    (tmp_path / "e.toml").write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(InvalidSpec) as refused:
        read_spec(tmp_path / "e.toml")
    assert refused.value.problems[0].message == "is not UTF-8 text: byte 0xff in line 2"


VALUES = some.recursive(
    some.booleans()
    | some.integers(-(2**63), 2**63 - 1)
    | some.floats(allow_nan=False)
    | some.text(some.characters(exclude_categories=["Cs"])),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text("abc é", max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_an_override_is_the_value_as_toml(value: Any) -> None:
    """The daemon reads back what was given."""
    (text,) = override_texts({"key": value})
    assert tomllib.loads(text) == {"key": value}


@pytest.mark.parametrize("wrong", ["nothing", "=1", " =1"])
def test_an_override_needs_a_key(wrong: str) -> None:
    """It is found before anything is sent."""
    with pytest.raises(InvalidRequest, match="KEY=VALUE"):
        override_texts([wrong])
