"""`orc pause`: start nothing new of an experiment."""

from orchestrator.cli import arguments
from orchestrator.cli.changing import change
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls


@verb("pause", examples=["orc pause 12"])
@arguments.experiments
@pass_setup
def command(setup: Setup, refs: tuple[str, ...]) -> None:
    """Start nothing new of an experiment; what runs may end. orc resume goes on with it."""
    change(setup, refs, calls.pause, done=lambda answer: f"{answer['ref']} is {answer['state']}")
