"""A tiny project for the gates: two versions of it, one that every gate lets through and one that none does."""

import json
import re
from pathlib import Path
from typing import Any

from orchestrator.worker.trial import Trial

TABLE = Path(__file__).parents[2] / "config" / "lanes.toml"

CALC_GOOD = '''"""Sums."""


def half(number: float) -> float:
    """Divide by two."""
    if number < 0:
        message = "negative"
        raise ValueError(message)
    return number / 2
'''
CALC_BAD = """import os
import subprocess
import hashlib
from typing import List


def half(number: float, seen: List[float] = []) -> str:
    subprocess.call("echo half", shell=True)
    hashlib.md5(b"a").hexdigest()
    return number / 2
"""
TESTS_GOOD = """from pkg.calc import half


def test_half() -> None:
    assert half(4) == 2
"""
TESTS_BAD = """import warnings

import pytest

from pkg.calc import half


def test_wrong() -> None:
    assert half(4) == 3


@pytest.fixture
def broken() -> None:
    raise RuntimeError("no database")


def test_error(broken: None) -> None:
    pass


@pytest.mark.skip(reason="later")
def test_skipped() -> None:
    pass


@pytest.mark.xfail
def test_expected() -> None:
    assert half(2) == 3


def test_warns() -> None:
    warnings.warn("half() goes away", DeprecationWarning, stacklevel=1)


class TestGroup:
    @pytest.mark.parametrize("number", [1, 2])
    def test_number(self, number: int) -> None:
        assert number == 1
"""
CONFIGURATION = """[tool.ruff.lint]
select = ["E", "F", "I", "S", "B", "UP"]
per-file-ignores = { "tests/*" = ["S"] }
[tool.mypy]
files = ["pkg"]
strict = true
"""


def project(folder: Path, *, good: bool) -> Path:
    """Write one of the two versions and return its root."""
    files = {
        "pyproject.toml": CONFIGURATION,
        "pkg/__init__.py": "",
        "pkg/calc.py": CALC_GOOD if good else CALC_BAD,
        "tests/test_calc.py": TESTS_GOOD if good else TESTS_BAD,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def trial_of(folder: Path, stage: str, **arguments: Any) -> Trial:
    """A real trial of that stage: `folder` is its workdir, and its private folder is beside it."""
    job = {
        "stage": stage,
        "workdir": str(folder),
        "arguments": json.dumps(arguments),
        "output_folder": str(folder.parent / f"{folder.name}-runs"),
        "artifact_limit_bytes": 0,
    }
    return Trial((1, 1, 1, "{}", 7, 8, None, 1), job=job, note=lambda _kind, _value: None)


def table(folder: Path, *changes: tuple[str, str]) -> str:
    """A table of lanes with some patterns replaced everywhere."""
    text = TABLE.read_text(encoding="utf-8")
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text)
        assert count
    path = folder.parent / "lanes.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)
