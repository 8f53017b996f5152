"""`orc report`: what an experiment came to, what it used, how its stages ran, and why parts of it failed."""

import json
import shutil
import time
from typing import Any

import click

from orchestrator.cli import arguments, execution, reporting
from orchestrator.cli.follow import ended
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import terminal_columns
from orchestrator.cli.tree import Drawing
from orchestrator.cli.verb import verb
from orchestrator.client import calls
from orchestrator.client.following import Following

PARTS = (reporting.outcome, reporting.rounds, reporting.stages, *execution.PARTS, reporting.failures)
LEAST_PAUSE_SECONDS = 1.0
CLEAR = "\x1b[H\x1b[J"


def _lines(setup: Setup, document: dict[str, Any]) -> list[str]:
    drawing = Drawing(colour=setup.colour, columns=terminal_columns(on_terminal=setup.on_terminal))
    return [line for part in PARTS for line in part(document, drawing=drawing)]


def _watch(setup: Setup, ref: str) -> None:
    """The report again and again until it has ended: in its place on a terminal, a document a line with --json, else the last one."""
    shown_at, last = 0.0, False
    for snapshot in Following(session=setup.session, notice=setup.message).progress(ref):
        last = ended(snapshot)
        if not last and time.monotonic() < shown_at + LEAST_PAUSE_SECONDS:
            continue
        shown_at = time.monotonic()
        document = setup.session.json(calls.report(ref))
        if setup.json:
            click.echo(json.dumps(document))
        elif setup.can_draw:
            lines = _lines(setup, document)
            click.echo(CLEAR + "\n".join(lines if last else lines[: shutil.get_terminal_size().lines - 1]))
        elif last:
            setup.print_lines(_lines(setup, document))


@verb(
    "report",
    examples=[
        "orc report 12",
        "orc report rsi-thresholds --watch",
        "orc report 12 --json | jq .stages[].wall_seconds",
        "orc report 12 --json | jq .execution.advice",
    ],
)
@arguments.experiment
@click.option("--watch", is_flag=True, help="Show it again and again until the experiment has ended.")
@pass_setup
def command(setup: Setup, ref: str, *, watch: bool) -> None:
    """Report on an experiment: its outcome and best; what each stage used and how the stages ran; its failures, and what to do about them.

    How the stages ran: figures, a time line, SLA, bottlenecks and advice with what it is expected to bring, of the last few hundred
    attempts; and whether stages have become slower over the experiments of one name.
    """
    if watch:
        _watch(setup, ref)
        return
    document = setup.session.json(calls.report(ref))
    if setup.json:
        setup.print_json(document)
    else:
        setup.print_lines(_lines(setup, document))
