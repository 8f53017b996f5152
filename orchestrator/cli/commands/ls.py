"""`orc ls`: the experiments, newest first."""

from typing import Any

import click

from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import NONE, age, between, duration, printable, state_painter, table, without_result
from orchestrator.cli.verb import verb
from orchestrator.client import calls

PAGE = 500


def _all(setup: Setup, limit: int | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        wanted = PAGE if limit is None else min(PAGE, limit - len(found))
        page = (
            setup.session.json(calls.experiments(limit=wanted, after=found[-1]["id"] if found else None))
            if wanted
            else []
        )
        found += page
        if len(page) < PAGE or len(found) == limit:
            return found


def _progress(each: dict[str, Any]) -> str:
    iterations = each["iterations"]
    finished = iterations["succeeded"] + iterations["failed"] + iterations["cancelled"]
    return f"{finished}/{iterations['total']}{without_result(iterations)}"


def _best(best: Any) -> str:
    if isinstance(best, list):
        return " ".join(map(str, best)) or NONE
    return str(best) if best else NONE


def rows_of(experiments: list[dict[str, Any]]) -> list[list[str]]:
    """A row of text each."""
    return [
        [
            str(each["id"]),
            printable(each["name"]),
            each["state"],
            str(each["round"] or NONE),
            str(each["variant_count"]),
            _progress(each),
            _best(each["best"]),
            duration(between(each["started"], each["finished"])),
            age(each["created"]),
        ]
        for each in experiments
    ]


HEADERS = ("ID", "NAME", "STATE", "ROUND", "VARIANTS", "EVALUATIONS", "BEST", "TOOK", "SUBMITTED")
RIGHT = frozenset({"ID", "ROUND", "VARIANTS", "EVALUATIONS"})


@verb("ls", examples=["orc ls", "orc ls --limit 5", "orc ls --json | jq '.[].name'"])
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="The newest N only.")
@pass_setup
def command(setup: Setup, limit: int | None) -> None:
    """List the experiments, newest first."""
    found = _all(setup, limit)
    if setup.json:
        setup.print_json(found)
    elif found:
        setup.print_lines(table(HEADERS, rows_of(found), right=RIGHT, paint=state_painter(colour=setup.colour)))
    else:
        setup.message("there are no experiments yet: orc run SPEC runs one, orc init writes one to start from")
