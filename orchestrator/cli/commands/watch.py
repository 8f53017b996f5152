"""`orc watch`: live progress of one experiment, or of all that are active."""

import json
from functools import partial
from typing import Any

import click

from orchestrator.cli.completing import complete_experiment
from orchestrator.cli.follow import follow, follow_all
from orchestrator.cli.results import result_line
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls
from orchestrator.client.following import Following


def _print_snapshots(setup: Setup, ref: object | None) -> None:
    following = Following(session=setup.session, notice=setup.message)
    for snapshot in following.progress_of_all() if ref is None else following.progress(ref):
        click.echo(json.dumps(snapshot))


def _print_result(setup: Setup, snapshot: dict[str, Any]) -> None:
    setup.print_lines([result_line(snapshot)])


@verb("watch", examples=["orc watch", "orc watch 12"])
@click.argument("ref", required=False, shell_complete=complete_experiment)
@pass_setup
def command(setup: Setup, ref: str | None) -> None:
    """Follow live progress until it has ended: rounds, variants, cases, overall, what runs, the best so far.

    Without REF: of everything that is active, until nothing is. Ctrl-C leaves; nothing is cancelled. With --json a snapshot a line.
    """
    if setup.json:
        _print_snapshots(setup, ref)
    elif ref is not None:
        _print_result(setup, follow(setup, ref))
    elif any(setup.session.json(calls.status())["experiments"].values()):
        follow_all(setup, partial(_print_result, setup))
    else:
        setup.message("nothing is running: orc ls lists what ended")
