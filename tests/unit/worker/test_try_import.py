"""Trying an import in a process that is thrown away."""

import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from orchestrator.worker import try_import
from tests.support.processes import processes_about


def tried(folder: Path, call: str, *, seconds: float = 10.0) -> str | None:
    """Why the call cannot be imported; the standard input stays open until there is an answer."""
    with subprocess.Popen(
        [sys.executable, try_import.__file__, str(folder), call, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={},
    ) as process:
        assert process.stdout is not None
        answer = json.loads(process.stdout.read())
    error: str | None = answer["error"]
    return error


@pytest.mark.parametrize(
    ("source", "call", "expected"),
    [
        ("def f(p): return 1", "m:f", None),
        ("print('noise')\ndef f(p): return 1", "m:f", None),
        ("import helper\nf = helper.f", "m:f", None),
        ("f = 3", "m:f", "m:f is not callable"),
        ("", "m:f", "AttributeError: module 'm' has no attribute 'f'"),
        ("", "missing:f", "ModuleNotFoundError: No module named 'missing'"),
        ("import os\nos.abort()", "m:f", "importing m:f killed its process with signal 6"),
        ("import os\nos._exit(3)", "m:f", "importing m:f ended its process with status 3"),
    ],
)
def test_the_answer_is_one_sentence(tmp_path: Path, source: str, call: str, expected: str | None) -> None:
    """None when it works; else what is wrong, also when the process did not survive the import."""
    (tmp_path / "m.py").write_text(source)
    (tmp_path / "helper.py").write_text("def f(p): return 1")
    assert tried(tmp_path, call) == expected


@pytest.mark.parametrize("call", ["json:f", "signal:f", "sys:f", "xml.inner:f"])
def test_a_module_named_like_a_loaded_one_is_that_of_the_workdir(tmp_path: Path, call: str) -> None:
    """What this program has loaded under the name of a file or a package in the workdir is not what is tried."""
    code = "import json\nassert json.dumps\ndef f(p): return 1"
    for name in ("json", "signal", "sys"):
        (tmp_path / f"{name}.py").write_text(code)
    (tmp_path / "xml").mkdir()
    (tmp_path / "xml" / "__init__.py").touch()
    (tmp_path / "xml" / "inner.py").write_text(f"from . import other\n{code}")
    (tmp_path / "xml" / "other.py").touch()
    assert tried(tmp_path, call) is None


def test_a_traceback_shows_the_users_lines_only(tmp_path: Path) -> None:
    """The line that failed is there; this program and the import machinery are not."""
    (tmp_path / "m.py").write_text("import n\n")
    (tmp_path / "n.py").write_text("1 / 0\n")
    error = tried(tmp_path, "m:f")
    assert error is not None
    assert error.count("File ") == 2
    assert f'{tmp_path}/n.py", line 1' in error
    assert error.endswith("ZeroDivisionError: division by zero")


def test_leaving_at_import_is_an_error(tmp_path: Path) -> None:
    """`sys.exit()` at import is reported, not taken for success."""
    (tmp_path / "m.py").write_text("import sys\nsys.exit()")
    assert "SystemExit" in (tried(tmp_path, "m:f") or "")


def test_an_import_that_hangs_is_given_up(tmp_path: Path) -> None:
    """After the given seconds the answer says so, and the process is gone."""
    (tmp_path / "m.py").write_text("import threading\nthreading.Event().wait()")
    assert tried(tmp_path, "m:f", seconds=0.3) == "the import took longer than 0.3 s"
    assert processes_about(str(tmp_path)) == {}


def test_what_the_import_started_is_dead_afterwards(tmp_path: Path) -> None:
    """A program that left the session and lost its parent dies with the rest."""
    marker = uuid.uuid4().hex
    start = f"import subprocess\nsubprocess.run(['sh', '-c', 'setsid sleep 1000 & : {marker}'])\n"
    (tmp_path / "m.py").write_text(f"{start}def f(p): return 1")
    assert tried(tmp_path, "m:f") is None
    assert processes_about(str(tmp_path)) == {}
