"""Where the code of a spec lies: what its hash is taken over (`worker.code`). Reads files, runs nothing; call it in a thread."""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.spec.imports import Reach
from orchestrator.spec.stage import StageSpec

Place = tuple[str, str]
"""A folder, and in it a top-level module, which stands for all files of its package, or a single file with `./` before it."""

SCRIPTS = frozenset(
    ".awk .bash .jl .js .lua .mjs .php .pl .py .pyw .r .rb .sh .tcl .ts .zsh".split()  # noqa: SIM905 - to be read
)
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_REDIRECTIONS = frozenset({">", ">>", ">|", "&>", "&>>", ">&"})


def code_places(spec: ExperimentSpec, *, folder: Path) -> tuple[Place, ...]:
    """Of all stages, sorted. It follows from the content of these places alone: as long as that is the same, so are they."""
    found: set[Place] = set()
    for stage in spec.stages:
        workdir = folder / Path(stage.workdir).expanduser()
        found.update(_of_call(stage.call, workdir) if stage.call is not None else _of_command(stage, workdir, folder))
    return tuple(sorted(found))


def _of_call(call: str, workdir: Path) -> Iterator[Place]:
    module = call.partition(":")[0]
    top = module.partition(".")[0]
    reach = Reach(workdir)
    reach.add_module(module)
    yield str(workdir), top
    for place in reach.places:
        if place.split("/")[1] not in {top, f"{top}.py"}:  # the files of its own package are all in it
            yield str(workdir), place


def _of_command(stage: StageSpec, workdir: Path, folder: Path) -> Iterator[Place]:
    """Its program, when that is a file of the workdir or the folder; scripts there that its words name, and what Python imports."""
    words = _words(stage.command or ())
    for position, word in enumerate(words):
        before = words[position - 1] if position else ""
        if "{" in word or "\0" in word or before in _REDIRECTIONS:
            continue
        if before == "-m" and _MODULE.fullmatch(word):
            yield from _of_module(word, workdir)
        elif (position == 0 and "/" in word) or Path(word).suffix.lower() in SCRIPTS:
            yield from _of_file(workdir / word, (workdir, folder))


def _words(command: Sequence[str] | str) -> Sequence[str]:
    if not isinstance(command, str):
        return command
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        return list(lexer)
    except ValueError:  # quotes that are not closed: the shell will say so
        return ()


def _of_module(name: str, workdir: Path) -> Iterator[Place]:
    reach = Reach(workdir)
    reach.add_module(f"{name}.__main__")
    yield from ((str(workdir), place) for place in reach.places)


def _of_file(file: Path, folders: Sequence[Path]) -> Iterator[Place]:
    file = Path(os.path.normpath(file))
    if not any(file.is_relative_to(os.path.normpath(folder)) for folder in folders):
        return
    if file.suffix not in {".py", ".pyw"}:
        yield str(file.parent), f"./{file.name}"
        return
    reach = Reach(file.parent)
    reach.add_script(file.name)
    yield from ((str(file.parent), place) for place in reach.places)
