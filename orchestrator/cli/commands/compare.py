"""`orc compare`: variants side by side."""

from collections.abc import Sequence
from typing import Any

from orchestrator.cli import arguments
from orchestrator.cli.results import best_of
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import number, printable, table
from orchestrator.cli.verb import verb
from orchestrator.client import calls
from orchestrator.domain.refs import looks_like_ref
from orchestrator.errors import InvalidReference, NoBest


def _variant(setup: Setup, ref: str) -> dict[str, Any]:
    """The variant, or the best one of an experiment. Raises InvalidReference for an iteration."""
    dots = ref.count(".") if looks_like_ref(ref) else 0
    if dots > 1:
        raise InvalidReference(
            f"{ref} is an iteration; variants are compared", hint="use 12.3, or 12 for the best of 12"
        )
    if dots == 0:
        best = best_of(setup, ref)
        if not best:
            raise NoBest(f"{ref} has no best variant to compare")
        ref = (best[0] if isinstance(best, list) else best)["ref"]
    variant: dict[str, Any] = setup.session.json(calls.show(ref))
    return variant


def _block(title: str, values: Sequence[dict[str, Any]]) -> list[list[str]]:
    """A row for each name, marked where the variants differ."""
    names = sorted({name for each in values for name in each})
    rows = []
    for name in names:
        cells = [number(each.get(name)) for each in values]
        rows.append([f"{title}.{printable(name)}", *cells, "differs" if len(set(cells)) > 1 else ""])
    return rows


def _lines(variants: list[dict[str, Any]]) -> list[str]:
    rows = [["state", *(each["state"] for each in variants), ""]]
    rows += _block("param", [each.get("params") or {} for each in variants])
    rows += _block("metric", [each.get("metrics") or {} for each in variants])
    if any(each.get("score") is not None for each in variants):
        rows.append(["score", *(number(each.get("score")) for each in variants), ""])
    headers = ["", *(each["ref"] for each in variants), ""]
    return table(headers, rows, right=frozenset(each["ref"] for each in variants))


@verb("compare", examples=["orc compare 12.3 12.7", "orc compare 12 13"])
@arguments.refs
@pass_setup
def command(setup: Setup, refs: tuple[str, ...]) -> None:
    """Compare variants side by side: parameters, metrics, scores. An experiment stands for its best variant."""
    variants = [_variant(setup, ref) for ref in refs]
    if setup.json:
        setup.print_json(variants)
    else:
        setup.print_lines(_lines(variants))
