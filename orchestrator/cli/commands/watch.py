"""`orc watch`: live progress of one experiment, or of all that are active."""

import json
from collections.abc import Iterator

import click

from orchestrator.cli.completing import complete_experiment
from orchestrator.cli.follow import follow
from orchestrator.cli.results import result_line
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls
from orchestrator.client.following import Following

ACTIVE = frozenset({"queued", "running", "paused"})
PAGE = 500


def _active(setup: Setup) -> Iterator[int]:
    """Ids of what has not ended, oldest first."""
    found: list[int] = []
    after = None
    while page := setup.session.json(calls.experiments(limit=PAGE, after=after)):
        found += [each["id"] for each in page if each["state"] in ACTIVE]
        after = page[-1]["id"]
    yield from reversed(found)


def _follow_one(setup: Setup, ref: object) -> None:
    if setup.json:
        for snapshot in Following(session=setup.session, notice=setup.message).progress(ref):
            click.echo(json.dumps(snapshot))
        return
    setup.print_lines([result_line(follow(setup, ref))])


@verb("watch", examples=["orc watch", "orc watch 12"])
@click.argument("ref", required=False, shell_complete=complete_experiment)
@pass_setup
def command(setup: Setup, ref: str | None) -> None:
    """Follow live progress until it has ended: rounds, variants, cases, overall, what runs, the best so far.

    Without REF: of each active experiment, one after the other, the oldest first. Ctrl-C leaves; nothing is cancelled. With --json a
    snapshot a line.
    """
    wanted: list[object] = [ref] if ref is not None else list(_active(setup))
    for each in wanted:
        _follow_one(setup, each)
    if not wanted:
        setup.message("nothing is running: orc ls lists what ended")
