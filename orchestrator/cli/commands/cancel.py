"""`orc cancel`: stop something for good."""

from orchestrator.cli import arguments
from orchestrator.cli.changing import change
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls


@verb("cancel", examples=["orc cancel 12", "orc cancel 12.3 12.4.1"])
@arguments.refs
@pass_setup
def command(setup: Setup, refs: tuple[str, ...]) -> None:
    """Stop an experiment, a variant or an iteration for good; what has finished stays. orc retry runs it again."""
    change(setup, refs, calls.cancel, done=lambda answer: f"{answer['ref']} is {answer['state']}")
