"""`orc events`: what happened, as JSON lines."""

import json
import sys
from collections.abc import Iterable
from typing import Any

import click

from orchestrator.cli.completing import complete_experiment
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls
from orchestrator.client.following import Following, is_event


def _print(events: Iterable[dict[str, Any]]) -> None:
    for event in events:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


@verb("events", examples=["orc events", "orc events -f --experiment 12", "orc events --since 4711 | jq .kind"])
@click.option("-f", "--follow", is_flag=True, help="Go on as more happens, without end.")
@click.option("--since", metavar="N", type=click.IntRange(min=0), help="What came after sequence number N only.")
@click.option("--experiment", metavar="REF", shell_complete=complete_experiment, help="Of one experiment only.")
@pass_setup
def command(setup: Setup, *, follow: bool, since: int | None, experiment: str | None) -> None:
    """Print what happened, one JSON object a line, each with its sequence number, in the order it was committed.

    All that is kept; with -f what is to come, after --since also what came before.
    """
    number = None if experiment is None else setup.session.json(calls.show(experiment, limit=1))["id"]
    if follow:
        _print(Following(session=setup.session, notice=setup.message).events(since=since, experiment=number))
    else:
        _print(filter(is_event, setup.session.lines(calls.events(since=since, experiment=number))))
