"""Reads the settings: finds the file, lays the environment over it, reports everything that is wrong at once."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from orchestrator import places
from orchestrator.errors import InvalidSettings, Problem
from orchestrator.settings.model import Settings, allowed_values
from orchestrator.settings.sources import Given, from_environment, from_file

NEAR = 0.75


def read_settings(option: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings in force. `option` is what `--config` says.

    A file that was named must exist; of the usual places the first that has one counts. Raises InvalidSettings with all problems.
    """
    file = places.named_settings_file(option, environ) or _first_that_exists(places.usual_settings_files(environ))
    in_file = [] if file is None else from_file(file)
    given = [*in_file, *from_environment(environ)]
    problems = [problem for value in given if (problem := _unknown(value)) is not None]
    values = {value.name: value for value in given if value.name in Settings.model_fields}
    settings: Settings | None = None
    try:
        settings = Settings.model_validate({name: value.value for name, value in values.items()})
    except ValidationError as error:
        problems += _problems(error, values)
    if settings is None or problems:
        raise _invalid(problems)
    return settings


def _first_that_exists(files: Iterable[Path]) -> Path | None:
    return next((file for file in files if file.is_file()), None)


def _unknown(given: Given) -> Problem | None:
    """What is wrong with a name that is no setting. A variable that resembles none may be another program's: it is let be."""
    if given.name in Settings.model_fields:
        return None
    near = difflib.get_close_matches(given.name, Settings.model_fields, n=1, cutoff=NEAR if given.is_variable else 0.5)
    if near:
        suggestion = f"ORCHESTRATOR_{near[0].upper()}" if given.is_variable else near[0]
        return Problem(given.where, f"there is no such setting; did you mean {suggestion}?")
    if given.is_variable:
        return None
    return Problem(given.where, f"there is no such setting; there are {', '.join(Settings.model_fields)}")


def _problems(error: ValidationError, values: Mapping[str, Given]) -> list[Problem]:
    """One problem a setting, whatever number of alternatives it failed."""
    names = dict.fromkeys(str(detail["loc"][0]) for detail in error.errors(include_url=False))
    return [
        Problem(values[name].where, f"{values[name].value!r} is not allowed; it must be {allowed_values(name)}")
        for name in names
    ]


def _invalid(problems: list[Problem]) -> InvalidSettings:
    return InvalidSettings("the daemon's settings are not valid", problems=problems)
