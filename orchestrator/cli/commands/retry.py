"""`orc retry`: run again what failed or was cancelled."""

from functools import partial
from typing import Any

import click

from orchestrator.cli import arguments
from orchestrator.cli.changing import change
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import count
from orchestrator.cli.verb import verb
from orchestrator.client import calls


def _done(answer: Any) -> str:
    reopened = f", {count(answer['variants'], 'variant')} reopened" if answer["variants"] else ""
    again = count(answer["iterations"], "evaluation")
    done = f"{answer['ref']} is {answer['state']} again: {again} to run{reopened}"
    if not answer.get("code_changed"):  # a daemon of an earlier version does not say
        return done
    experiment = answer["ref"].partition(".")[0]
    return f"{done}\nits code has changed since it was submitted; orc resume {experiment} --accept-code goes on with it as it is now"


@verb(
    "retry",
    examples=[
        "orc retry 12",
        "orc retry 12 --failed",
        "orc retry 12 --failed --accept-code",
        "orc retry 12.3.1 && orc wait 12",
    ],
)
@arguments.refs
@click.option("--failed", is_flag=True, help="Only what failed: what was cancelled stays cancelled.")
@click.option(
    "--accept-code", is_flag=True, help="With the code as it is now, though it has changed since it was submitted."
)
@pass_setup
def command(setup: Setup, refs: tuple[str, ...], *, failed: bool, accept_code: bool) -> None:
    """Run again what failed or was cancelled in an experiment, a variant or an iteration; an ended experiment is reopened."""
    change(setup, refs, partial(calls.retry, failed_only=failed, accept_code=accept_code), done=_done)
