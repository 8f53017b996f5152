"""`orc report`: what an experiment came to, what it used, and why parts of it failed."""

from orchestrator.cli import arguments, reporting
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import terminal_columns
from orchestrator.cli.tree import Drawing
from orchestrator.cli.verb import verb
from orchestrator.client import calls


@verb(
    "report",
    examples=["orc report 12", "orc report rsi-thresholds", "orc report 12 --json | jq .stages[].wall_seconds"],
)
@arguments.experiment
@pass_setup
def command(setup: Setup, ref: str) -> None:
    """Report on an experiment: its outcome, rounds and best; what each stage used; its failures by cause, and what to do about them."""
    document = setup.session.json(calls.report(ref))
    if setup.json:
        setup.print_json(document)
        return
    drawing = Drawing(colour=setup.colour, columns=terminal_columns(on_terminal=setup.on_terminal))
    for part in (reporting.outcome, reporting.rounds, reporting.stages, reporting.failures):
        setup.print_lines(part(document, drawing=drawing))
