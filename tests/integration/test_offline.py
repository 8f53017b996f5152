"""`check` and `schema` without a daemon."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon_process import surroundings

CALL = '[stage]\ncall = "model:evaluate"\n[space]\nx = [1, 2, 3]\n'


def said(*arguments: str, text: str = "") -> tuple[int, Any]:
    """Exit status and the one JSON document on standard output."""
    process = subprocess.run(
        [sys.executable, "-P", "-m", "orchestrator", *arguments],
        input=text,
        env=surroundings(None),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return process.returncode, json.loads(process.stdout)


def request(folder: Path, text: str) -> str:
    """A submission as a client sends it."""
    return json.dumps({"text": text, "folder": str(folder), "environment": {"PATH": "/usr/bin:/bin"}})


def test_a_valid_file_gets_its_plan(tmp_path: Path) -> None:
    """Status 0 and the answer of the check route: name, plan, warnings; nothing is stored."""
    (tmp_path / "model.py").write_text("def evaluate(p): return p['x']")
    status, answer = said("check", "--json-request", text=request(tmp_path, CALL))
    assert (status, answer["name"], answer["warnings"]) == (0, tmp_path.name, [])
    assert answer["plan"]["evaluations"] == 3


@pytest.mark.parametrize(
    ("module", "file", "where"),
    [
        ("def evaluate(p): return 1", CALL.replace("[1, 2, 3]", "[]"), "space.x"),
        ("", CALL, "stage.main.call"),
        ("import missing_library\ndef evaluate(p): return 1", CALL, "stage.main.call"),
    ],
)
def test_an_invalid_file_gets_its_problems(tmp_path: Path, module: str, file: str, where: str) -> None:
    """Status 2 and an error document, for the file, for code that is not there, and for code that cannot be imported."""
    (tmp_path / "model.py").write_text(module)
    status, answer = said("check", "--json-request", text=request(tmp_path, file))
    assert (status, answer["error"]["code"]) == (2, "invalid_spec")
    assert where in [problem["where"] for problem in answer["error"]["problems"]]


def test_a_request_that_is_none_is_refused() -> None:
    """Not JSON, or without a folder: status 2 and an error document."""
    assert said("check", "--json-request", text="{")[1]["error"]["code"] == "invalid_request"
    assert said("check", "--json-request", text='{"text": ""}')[0] == 2


def test_the_schema_is_printed() -> None:
    """Status 0 and a JSON Schema that knows the stage."""
    status, schema = said("schema")
    assert status == 0
    assert "stage" in schema["properties"]
