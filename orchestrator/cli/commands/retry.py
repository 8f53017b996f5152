"""`orc retry`: run again what failed or was cancelled."""

from orchestrator.cli import arguments
from orchestrator.cli.changing import change
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls


@verb("retry", examples=["orc retry 12", "orc retry 12.3.1 && orc wait 12"])
@arguments.refs
@pass_setup
def command(setup: Setup, refs: tuple[str, ...]) -> None:
    """Run again what failed or was cancelled in an experiment, a variant or an iteration; an ended experiment is reopened."""
    change(setup, refs, calls.retry, done=lambda answer: f"{answer['ref']} is {answer['state']} again")
