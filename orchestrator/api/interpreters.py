"""Asks another Python interpreter what it is and whether it finds a module. Blocks: what uses it runs in a thread."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.spec.interpreter import Ask, Interpreter

LONGEST_SECONDS = 10.0

_QUESTION = """
import json, sys
facts = {"name": sys.implementation.name if hasattr(sys, "implementation") else "python", "version": sys.version_info[:3]}
if sys.version_info >= (3, 9):
    import importlib.util
    facts["search_path"] = [entry for entry in sys.path[1:] if entry]
    sys.path[0] = sys.argv[1]
    try:
        facts["finds"] = importlib.util.find_spec(sys.argv[2]) is not None
    except (AttributeError, ImportError, ValueError):
        facts["finds"] = False
sys.stdout.write("\\n" + json.dumps(facts) + "\\n")
"""


def ask_interpreter(program: str, *, module: str, workdir: Path, environment: Mapping[str, str]) -> Interpreter | str:
    """What it says; or, as text, why it is none."""
    command = [program, "-c", _QUESTION, str(workdir), module.partition(".")[0]]
    try:
        answer = subprocess.run(  # noqa: S603 - it is what the person who may run code here has named
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=workdir,
            env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
            timeout=LONGEST_SECONDS,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{program} did not say within {LONGEST_SECONDS:g} s what it is"
    except OSError as error:
        return f"{program} cannot be started: {os.strerror(error.errno) if error.errno else error}"
    return (
        _read(answer.stdout)
        or f"{program} is not a Python interpreter, or one that does not work{_said(answer.stderr)}"
    )


def remembering() -> Ask:
    """The same, asking about one interpreter and one module once: a file may have many stages that share them."""
    known: dict[tuple[Any, ...], Interpreter | str] = {}

    def ask(program: str, *, module: str, workdir: Path, environment: Mapping[str, str]) -> Interpreter | str:
        key = (program, module, workdir, *sorted(environment.items()))
        if key not in known:
            known[key] = ask_interpreter(program, module=module, workdir=workdir, environment=environment)
        return known[key]

    return ask


def _read(output: bytes) -> Interpreter | None:
    try:
        facts: dict[str, Any] = json.loads(output.strip().rpartition(b"\n")[2])
        version = tuple(map(int, facts["version"]))
        path = tuple(map(str, facts.get("search_path", ())))
        return Interpreter(name=str(facts["name"]), version=version, search_path=path, finds=bool(facts.get("finds")))
    except (KeyError, TypeError, ValueError):
        return None


def _said(errors: bytes) -> str:
    """The last line of its errors, if it wrote any."""
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1][:200]}" if lines else ""
