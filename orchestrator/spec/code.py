"""The code a spec names: whether it is there, and where it lies. Reads files, imports nothing; call it in a thread."""

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import Problem
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.spec.findings import did_you_mean
from orchestrator.spec.interpreter import Ask, find_program, unfit
from orchestrator.spec.modules import Missing, find_module, read_names
from orchestrator.spec.stage import BUNDLED_EXECUTORS, StageSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a stage can rely on besides its file: executors by name, the interpreter's `sys.path`, the submitter's environment.

    `ask` runs other interpreters to learn what they are; without it they need only be there.
    """

    executors: Collection[str] = BUNDLED_EXECUTORS
    search_path: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ask: Ask | None = None


def find_code(
    spec: ExperimentSpec, *, folder: Path, search_path: Sequence[str], environment: Mapping[str, str]
) -> list[Problem]:
    """What of the code is not there: modules, functions, programs.

    Modules are looked for in the stage's workdir, then in `search_path` (the `sys.path` of the interpreter that will run
    them). The first word of a command given as a list is looked for on the PATH of the stage's env, else of `environment`
    (the submitter's); one given as text is the shell's affair and is not checked.
    """
    surroundings = Surroundings(search_path=search_path, environment=environment)
    missing = (
        (stage.name, missing_code(stage, workdir=folder / stage.workdir, surroundings=surroundings))
        for stage in spec.stages
    )
    return [Problem(f"stage.{name}.{found[0]}", found[1]) for name, found in missing if found is not None]


def missing_code(stage: StageSpec, *, workdir: Path, surroundings: Surroundings) -> tuple[str, str] | None:
    """The key whose code is not there and what is wrong with it, or None; see `find_code`."""
    if stage.call is None:
        message = _check_program(stage, workdir=workdir, environment=surroundings.environment)
        return ("command", message) if message else None
    if stage.interpreter is not None:
        return _check_elsewhere(stage, stage.interpreter, workdir=workdir, surroundings=surroundings)
    message = _check_call(stage.call, workdir=workdir, search_path=surroundings.search_path)
    return ("call", message) if message else None


def _check_elsewhere(
    stage: StageSpec, word: str, *, workdir: Path, surroundings: Surroundings
) -> tuple[str, str] | None:
    """The same for a callable that another interpreter runs, which is asked what it is and what it finds."""
    environment = {**surroundings.environment, **stage.env}
    program, message = find_program(word, workdir=workdir, environment=environment)
    if message is not None or surroundings.ask is None or stage.call is None:
        return ("python", message) if message else None
    module = stage.call.partition(":")[0]
    found = surroundings.ask(program, module=module, workdir=workdir, environment=environment)
    message = found if isinstance(found, str) else unfit(found, program=program)
    if message is not None or isinstance(found, str):
        return "python", message or ""
    reads_alike = found.version[:2] <= sys.version_info[:2]  # what is newer may have a syntax that is not known here
    if found.finds and not (reads_alike and _is_source(module, entries=[str(workdir), *found.search_path])):
        return None
    message = _check_call(stage.call, workdir=workdir, search_path=found.search_path)
    return ("call", message) if message else None


def _is_source(module: str, *, entries: Sequence[str]) -> bool:
    """Whether the module lies in a folder; an import hook may know of others."""
    return not isinstance(find_module(module, entries=entries), Missing)


def _check_call(call: str, *, workdir: Path, search_path: Sequence[str]) -> str | None:
    module, _, function = call.partition(":")
    found = find_module(module, entries=[str(workdir), *search_path])
    if isinstance(found, Missing):
        return _missing_module(found, workdir=workdir)
    return _check_function(function, module=module, file=found.file) if found.file is not None else None


def _missing_module(missing: Missing, *, workdir: Path) -> str:
    if missing.not_a_package:
        parent, _, _ = missing.name.rpartition(".")
        return f'there is no module "{missing.name}": "{parent}" is a module, not a package'
    folder = workdir.joinpath(*missing.name.split(".")[:-1])
    close = did_you_mean(missing.name.rpartition(".")[2], _modules_in(folder))
    return f'there is no module "{missing.name}" in {workdir} or on the Python path' + (f";{close}" if close else "")


def _modules_in(folder: Path) -> list[str]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []
    return [entry.stem for entry in entries if entry.suffix == ".py" or (entry / "__init__.py").is_file()]


def _check_function(function: str, *, module: str, file: Path) -> str | None:
    try:
        names = read_names(file)
    except OSError as error:
        return f"cannot read {file}: {error.strerror}"
    except SyntaxError as error:
        return f"{file} cannot be imported: {error.msg}" + (f" in line {error.lineno}" if error.lineno else "")
    if function in names.unfit:
        return f'"{function}" in {file} takes other arguments; write def {function}(params) or def {function}(params, trial)'
    if function in names.bound or names.open_ended:
        return None
    if function in names.nested:
        return f'"{function}" is inside a class or a function of {file}; it must be at the top level of the module'
    close = did_you_mean(function, sorted(names.bound))
    return f'module "{module}" ({file}) has no function "{function}"' + (f";{close}" if close else "")


def _check_program(stage: StageSpec, *, workdir: Path, environment: Mapping[str, str]) -> str | None:
    if not isinstance(stage.command, tuple) or "{" in stage.command[0]:
        return None
    return find_program(stage.command[0], workdir=workdir, environment={**environment, **stage.env})[1]
