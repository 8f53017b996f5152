"""Where values come from: one settings file, then environment variables, which count more. Each value remembers its source."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import InvalidSettings, Problem
from orchestrator.settings.model import Settings, is_list

PREFIX = "ORCHESTRATOR_"
OTHER_VARIABLES = frozenset({"STATE_DIR", "SOCKET", "CONFIG", "LOCK_DIR", "KEEPER_SOCKET"})
"""Variables with the prefix that say where things are; they are not settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value somebody gave, and where: `/etc/…/orchestrator.toml: slots` or `$ORCHESTRATOR_SLOTS`."""

    name: str
    value: Any
    where: str
    is_variable: bool = False


def from_file(path: Path) -> list[Given]:
    """The values of a settings file. Raises InvalidSettings when it cannot be read or is not TOML."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _unreadable(path, f"it is not valid TOML: {error}") from error
    return [Given(name=name, value=value, where=f"{path}: {name}") for name, value in table.items()]


def from_environment(environ: Mapping[str, str]) -> list[Given]:
    """The values of `ORCHESTRATOR_<SETTING>` variables; an empty one counts as not given."""
    given = []
    for variable, text in sorted(environ.items()):
        name = variable.removeprefix(PREFIX)
        if name == variable or name in OTHER_VARIABLES or not text:
            continue
        given.append(Given(name=name.lower(), value=_value(name.lower(), text), where=f"${variable}", is_variable=True))
    return given


def _value(name: str, text: str) -> Any:
    """Read as TOML, else as text; a list may be written with commas and without brackets."""
    if name in Settings.model_fields and is_list(name) and not text.lstrip().startswith("["):
        return [_toml_or_text(part.strip()) for part in text.split(",")]
    return _toml_or_text(text)


def _toml_or_text(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _unreadable(path: Path, why: str) -> InvalidSettings:
    return InvalidSettings(
        f"the settings file {path} cannot be used: {why}",
        hint="name another one with --config or $ORCHESTRATOR_CONFIG",
        problems=[Problem(str(path), why)],
    )
