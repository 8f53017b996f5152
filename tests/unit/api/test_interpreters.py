"""What interpreters say of themselves."""

import sys
from pathlib import Path

import pytest

from orchestrator.api.interpreters import ask_interpreter, remembering
from orchestrator.spec.interpreter import Interpreter


def ask(program: str, folder: Path, module: str = "model") -> Interpreter | str:
    return ask_interpreter(program, module=module, workdir=folder, environment={"PATH": "/usr/bin:/bin"})


def script(folder: Path, text: str) -> str:
    """A program of that text."""
    file = folder / "program"
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o700)
    return str(file)


def test_an_interpreter_says_what_it_is_and_whether_it_finds_a_module(tmp_path: Path) -> None:
    """A module in the workdir is found without being imported; one that is nowhere is not."""
    (tmp_path / "model.py").write_text("raise SystemExit(1)\n", encoding="utf-8")
    found = ask(sys.executable, tmp_path, "model.part")
    assert isinstance(found, Interpreter)
    assert (found.name, found.version, found.finds) == ("cpython", sys.version_info[:3], True)
    assert any("site-packages" in entry for entry in found.search_path)
    assert str(tmp_path) not in found.search_path
    missing = ask(sys.executable, tmp_path, "no_such_module")
    assert isinstance(missing, Interpreter)
    assert not missing.finds


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("exit 0", "is not a Python interpreter"),
        ("echo '[1]'", "is not a Python interpreter"),
        ("echo a toaster >&2; exit 3", "or one that does not work: a toaster"),
    ],
)
def test_another_program_is_none(tmp_path: Path, text: str, part: str) -> None:
    """It may print what it likes; its last words are passed on."""
    assert part in str(ask(script(tmp_path, text), tmp_path))


def test_a_program_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    """The system's own words."""
    (tmp_path / "empty").write_bytes(b"\0")
    (tmp_path / "empty").chmod(0o700)
    assert "cannot be started: Exec format error" in str(ask(str(tmp_path / "empty"), tmp_path))


def test_an_interpreter_is_asked_once(tmp_path: Path) -> None:
    """A second stage with the same one starts nothing."""
    program = script(tmp_path, 'echo x >> asked; echo \'{"name": "cpython", "version": [3, 8, 18]}\'')
    asking = remembering()
    answers = [asking(program, module="a", workdir=tmp_path, environment={"PATH": "/bin"}) for _ in range(2)]
    assert answers[0] == answers[1] == Interpreter(name="cpython", version=(3, 8, 18), search_path=(), finds=False)
    assert (tmp_path / "asked").read_text(encoding="utf-8") == "x\n"
