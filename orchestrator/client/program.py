"""How this program is run again as another process: the same interpreter, the same package, not the current directory's."""

import sys
from collections.abc import Mapping
from pathlib import Path

PACKAGE_FOLDER = Path(__file__).parents[2]
KEPT = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"})
KEPT_BEGINNINGS = ("XDG_", "ORCHESTRATOR_", "LC_")


def command(*arguments: str) -> list[str]:
    """The command line of `python -m orchestrator ARGUMENTS`; -P keeps the current directory off the import path."""
    return [sys.executable, "-P", "-m", "orchestrator", *arguments]


def with_package(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `command` finds this very package, also when it runs from a checkout."""
    if {"site-packages", "dist-packages"} & set(PACKAGE_FOLDER.parts):
        return dict(environ)
    return {**environ, "PYTHONPATH": str(PACKAGE_FOLDER)}


def small_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a background daemon inherits: where things are and how to speak, nothing else of the shell."""
    return {name: value for name, value in environ.items() if name in KEPT or name.startswith(KEPT_BEGINNINGS)}
