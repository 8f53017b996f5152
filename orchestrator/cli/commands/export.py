"""`orc export`: a row for every iteration."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import click

from orchestrator.cli import arguments
from orchestrator.cli.paths import FilledPath
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls
from orchestrator.client.connection import Answer
from orchestrator.errors import InvalidRequest


def _copy(answer: Answer, target: BinaryIO) -> None:
    target.writelines(answer.pieces())


def _write(answer: Answer, path: Path) -> None:
    """Write the file whole or not at all; what is no file (a device, a pipe) is written to, and a link is followed."""
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                _copy(answer, stream)
        else:
            _put(answer, target)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be written: {error.strerror}") from error


def _put(answer: Answer, target: Path) -> None:
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            _copy(answer, file)
        unfinished.replace(target)
    finally:
        with suppress(OSError):
            unfinished.unlink()


@verb("export", examples=["orc export 12 > results.csv", "orc export 12 --format json --timings -o results.json"])
@arguments.experiment
@click.option(
    "form",
    "--format",
    metavar="[csv|json]",
    type=click.Choice(["csv", "json", "parquet"]),
    help="csv by default, json with --json.",
)
@click.option("--timings", is_flag=True, help="The measured numbers too: then two runs never export the same bytes.")
@click.option("-o", "--output", type=FilledPath(path_type=Path, dir_okay=False), help="A file instead of stdout.")
@pass_setup
def command(setup: Setup, ref: str, *, form: str | None, timings: bool, output: Path | None) -> None:
    """Write a row for every iteration of an experiment, in order: parameters, metrics, state, cause, seed."""
    if form == "parquet":
        raise InvalidRequest(
            "parquet is not written by this version", hint="--format csv; pandas or duckdb converts it"
        )
    request = calls.export(ref, form=form or ("json" if setup.json else "csv"), timings=timings)
    with setup.session.open(request) as answer:
        if output is None:
            _copy(answer, sys.stdout.buffer)
        else:
            _write(answer, output)
    sys.stdout.buffer.flush()
