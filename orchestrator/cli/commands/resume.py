"""`orc resume`: go on with a paused experiment."""

from functools import partial

import click

from orchestrator.cli import arguments
from orchestrator.cli.changing import change
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls


@verb("resume", examples=["orc resume 12", "orc resume 12 --accept-code"])
@arguments.experiments
@click.option("--accept-code", is_flag=True, help="Go on though its code has changed since it was submitted.")
@pass_setup
def command(setup: Setup, refs: tuple[str, ...], *, accept_code: bool) -> None:
    """Go on with a paused experiment; orc explain says why it was paused."""
    call = partial(calls.resume, accept_code=accept_code)
    change(setup, refs, call, done=lambda answer: f"{answer['ref']} is {answer['state']}")
