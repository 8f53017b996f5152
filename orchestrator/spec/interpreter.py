"""The interpreter a stage names with `python`: whether it is there, and what it must be to run callables."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

OLDEST: Final = (3, 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """What an interpreter says of itself."""

    name: str
    version: tuple[int, ...]
    search_path: tuple[str, ...]
    finds: bool  # the module it was asked for, also where an import hook of its own has to look for it


class Ask(Protocol):
    """Runs an interpreter to learn what it is; the answer is a text when it is none."""

    def __call__(
        self, program: str, *, module: str, workdir: Path, environment: Mapping[str, str]
    ) -> Interpreter | str:
        """Blocks until it has answered, or for some seconds."""
        ...


def find_program(word: str, *, workdir: Path, environment: Mapping[str, str]) -> tuple[str, str | None]:
    """The path of a program, given by a path seen from the workdir or by a name on the PATH; and why it cannot be started."""
    if "/" in word:
        file = workdir / word
        return str(file), _file_problem(file)
    found = shutil.which(word, path=environment.get("PATH", os.defpath))
    if found is not None:
        return found, None
    hint = f'; to run the one in the workdir write "./{word}"' if (workdir / word).is_file() else ""
    return word, f'there is no program "{word}" on the PATH{hint}'


def _file_problem(file: Path) -> str | None:
    if not file.exists():
        return f"there is no program {file}"
    if not file.is_file():
        return f"{file} is not a file"
    return None if os.access(file, os.X_OK) else f"{file} is not executable; try chmod +x"


def unfit(interpreter: Interpreter, *, program: str) -> str | None:
    """Why it cannot run callables; None when it can."""
    version = ".".join(map(str, interpreter.version))
    if interpreter.name != "cpython":
        return f"{program} is {interpreter.name} {version}; CPython {_OLDEST_TEXT} or newer is needed"
    if interpreter.version < OLDEST:
        return f"{program} is Python {version}; {_OLDEST_TEXT} or newer is needed"
    return None


_OLDEST_TEXT: Final = ".".join(map(str, OLDEST))
