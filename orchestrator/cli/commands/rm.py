"""`orc rm`: forget an experiment."""

from orchestrator.cli import arguments
from orchestrator.cli.changing import change
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls


@verb("rm", examples=["orc rm 12", "orc cancel 12 && orc rm 12"])
@arguments.experiments
@pass_setup
def command(setup: Setup, refs: tuple[str, ...]) -> None:
    """Forget an experiment that has ended: its record and its output. Refused while it is active."""
    change(setup, refs, calls.remove, done=lambda answer: f"{answer['ref']} is removed")
