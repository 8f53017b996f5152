"""`orc init`: files to start from."""

import shutil
from pathlib import Path

import click

from orchestrator.cli.paths import FilledPath
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.errors import Conflict, InvalidRequest, Problem

TEMPLATES = Path(__file__).parents[1] / "templates"
ENDING = ".txt"  # a template's Python file is no part of this program


def template_names() -> list[str]:
    """The templates there are."""
    return sorted(folder.name for folder in TEMPLATES.iterdir() if folder.is_dir())


def _write(source: Path, folder: Path) -> list[Path]:
    """Copy the template. Raises Conflict, with nothing written, when one of its files is there already."""
    targets = {each: folder / each.name.removesuffix(ENDING) for each in sorted(source.iterdir())}
    try:
        taken = [target for target in targets.values() if target.exists() or target.is_symlink()]
        if taken:
            raise Conflict(
                "nothing was written: files would be overwritten",
                hint="use --folder NEW",
                problems=[Problem(str(each), "exists already") for each in taken],
            )
        folder.mkdir(parents=True, exist_ok=True)
        for each, target in targets.items():
            with each.open("rb") as read, target.open("xb") as written:
                shutil.copyfileobj(read, written)
            if each.read_bytes().startswith(b"#!"):
                target.chmod(0o755)
    except OSError as error:
        raise InvalidRequest(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return list(targets.values())


@verb("init", examples=["orc init", "orc init command --folder tuning && orc run tuning"])
@click.argument("template", metavar="[TEMPLATE]", type=click.Choice(template_names()), default="python")
@click.option("--folder", type=FilledPath(path_type=Path), default=Path(), help="Where to write; made if missing.")
@pass_setup
def command(setup: Setup, template: str, folder: Path) -> None:
    """Write an experiment that runs as it is, to start from. Nothing is ever overwritten.

    TEMPLATE: python (default) evaluates a function, command a program by its command line, gate asks for quality over several cases.
    """
    written = _write(TEMPLATES / template, folder)
    if setup.json:
        setup.print_json({"template": template, "files": [str(each.resolve()) for each in written]})
        return
    setup.print_lines([f"wrote {each}" for each in written])
    setup.message(f"orc check {folder} says what it would run, orc run {folder} runs it")
