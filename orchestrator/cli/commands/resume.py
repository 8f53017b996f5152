"""`orc resume`: go on with a paused experiment."""

from orchestrator.cli import arguments
from orchestrator.cli.changing import change
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls


@verb("resume", examples=["orc resume 12"])
@arguments.experiments
@pass_setup
def command(setup: Setup, refs: tuple[str, ...]) -> None:
    """Go on with a paused experiment."""
    change(setup, refs, calls.resume, done=lambda answer: f"{answer['ref']} is {answer['state']}")
