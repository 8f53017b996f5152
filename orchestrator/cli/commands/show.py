"""`orc show`: the tree below a ref."""

import sys
from collections.abc import Iterator
from typing import Any

import click

from orchestrator.cli import arguments, tree
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import count, terminal_columns
from orchestrator.cli.verb import verb
from orchestrator.client import calls
from orchestrator.client.wire import Request

SHOWN_ON_TERMINAL = 20
PAGE = 500


def _print_document(setup: Setup, request: Request) -> None:
    """The daemon's document as it comes, never whole in memory."""
    if sys.stdout.isatty():
        setup.print_json(setup.session.json(request))
        return
    with setup.session.open(request) as answer:
        for piece in answer.pieces():
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.write(b"\n")


def _variants(setup: Setup, ref: str, *, first: dict[str, Any], limit: int | None) -> Iterator[dict[str, Any]]:
    """The variants of an experiment, page by page; `first` holds the first page."""
    page, given = first["variants"], 0
    while page:
        for variant in page[: None if limit is None else limit - given]:
            given += 1
            yield variant
        if len(page) < PAGE or given == limit:
            return
        after = int(page[-1]["ref"].split(".")[1])
        page = setup.session.json(calls.show(ref, limit=PAGE, after=after))["variants"]


def _drawing(setup: Setup) -> tree.Drawing:
    return tree.Drawing(colour=setup.colour, columns=terminal_columns(on_terminal=setup.on_terminal))


def _print_experiment(setup: Setup, document: dict[str, Any], *, limit: int | None) -> None:
    drawing = _drawing(setup)
    setup.print_lines(tree.experiment_lines(document, drawing))
    shown = 0
    for variant in _variants(setup, str(document["id"]), first=document, limit=limit):
        shown += 1
        last = shown == document["variant_count"]
        setup.print_lines(tree.variant_lines(variant, drawing, brief=True, last=last))
    rest = document["variant_count"] - shown
    if rest > 0 and limit is not None:
        setup.print_lines([f"└─ … {count(rest, 'more variant')}: orc show {document['id']} --all"])
    if not document["variant_count"]:
        setup.print_lines(["no variants yet"])


@verb(
    "show",
    examples=["orc show 12", "orc show 12.3", "orc show rsi-thresholds --all", "orc show 12 --json | jq .selected"],
)
@arguments.ref
@click.option("--all", "everything", is_flag=True, help="All variants; a terminal gets the first 20 otherwise.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="At most N variants.")
@click.option(
    "--after", metavar="NUMBER", type=click.IntRange(min=0), help="Variants behind this number only; with --json."
)
@pass_setup
def command(setup: Setup, ref: str, *, everything: bool, limit: int | None, after: int | None) -> None:
    """Show an experiment with its variants, a variant with its iterations, or an iteration with its attempts.

    A variant's metrics are those over its cases and repeats, ± their standard deviation.
    """
    if setup.json:
        _print_document(setup, calls.show(ref, limit=limit, after=after))
        return
    most = limit or (None if everything or not setup.on_terminal else SHOWN_ON_TERMINAL)
    page = PAGE if most is None else min(PAGE, most)
    document = setup.session.json(calls.show(ref, limit=page, after=after))
    drawing = _drawing(setup)
    if "variants" in document:
        _print_experiment(setup, document, limit=most)
    elif "iterations" in document:
        setup.print_lines(tree.variant_lines(document, drawing, brief=False))
    else:
        setup.print_lines(tree.iteration_lines(document, drawing))
