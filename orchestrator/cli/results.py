"""What an experiment came to, as people want to read it: the winners, or why there are none."""

from collections.abc import Sequence
from typing import Any

from orchestrator.cli.follow import name_of
from orchestrator.cli.setup import Setup
from orchestrator.cli.text import (
    NONE,
    count,
    duration,
    measured,
    number,
    pairs,
    printable,
    table,
    terminal_columns,
    width,
    without_result,
)
from orchestrator.client import calls
from orchestrator.domain.outcome import short_error
from orchestrator.errors import NoBest, OrchestratorError

MOST_WINNERS = 10
MOST_ERRORS = 3
LOOKED_AT = 100
USUAL_COLUMNS = 120
NOTHING_MEASURED = "nothing was measured, so nothing was compared: a function returns its numbers, a command prints them as JSON on its last line"


def best_of(setup: Setup, ref: object) -> Any:
    """The best variant, a list of them for Pareto, or None."""
    try:
        return setup.session.json(calls.best(ref))
    except NoBest:
        return None


def _as_columns(variants: Sequence[dict[str, Any]]) -> list[str]:
    params = sorted({name for each in variants for name in each.get("params") or {}})
    metrics = sorted({name for each in variants for name in each.get("metrics") or {}})
    scored = any(each.get("score") is not None for each in variants)
    headers = ["REF", *map(printable, params), *map(printable, metrics), *(["SCORE"] if scored else [])]
    rows = [
        [
            each["ref"],
            *(number((each.get("params") or {}).get(name)) for name in params),
            *(measured(each).get(name, NONE) for name in metrics),
            *([number(each.get("score"))] if scored else []),
        ]
        for each in variants
    ]
    return table(headers, rows, right=frozenset(headers[1:]))


def _as_blocks(variants: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for each in variants:
        score = "" if each.get("score") is None else f"  score {number(each['score'])}"
        lines.append(f"{each['ref']}{score}")
        lines += [f"  parameters  {pairs(each.get('params'))}", f"  metrics     {pairs(measured(each))}"]
    return lines


def variant_lines(setup: Setup, variants: Sequence[dict[str, Any]]) -> list[str]:
    """Variants with their parameters, metrics and scores: a table where it fits, else a block each."""
    lines = _as_columns(variants)
    columns = terminal_columns(on_terminal=setup.on_terminal) or USUAL_COLUMNS
    return lines if all(width(line) <= columns for line in lines) else _as_blocks(variants)


def winners(setup: Setup, document: dict[str, Any]) -> list[dict[str, Any]]:
    """The selected variants, at most ten; else the best one, if there is one."""
    selected = document.get("selected") or []
    if selected:
        return [setup.session.json(calls.show(ref)) for ref in selected[:MOST_WINNERS]]
    best = best_of(setup, document["id"])
    return best[:MOST_WINNERS] if isinstance(best, list) else [best] if best else []


def _errors(setup: Setup, ref: object) -> list[str]:
    """The first few different errors of the first hundred variants."""
    found: dict[tuple[str, str], list[str]] = {}
    for variant in setup.session.json(calls.show(ref, limit=LOOKED_AT))["variants"]:
        for each in variant.get("iterations") or ():
            if each.get("cause"):
                text = short_error(each.get("error"), each["cause"])
                found.setdefault((each["cause"], text), []).append(each["ref"])
    lines = []
    for (cause, text), refs in list(found.items())[:MOST_ERRORS]:
        more = f" and {count(len(refs) - 1, 'other')}" if len(refs) > 1 else ""
        lines.append(f"{refs[0]}{more} {cause}: {printable(text)}" if text else f"{refs[0]}{more} {cause}")
        lines.append(f"  orc logs {refs[0]} shows what it printed, orc show {refs[0]} the whole error")
    return lines


def _shortfalls(setup: Setup, ref: object) -> list[str]:
    """What kept the variant that came closest, of the first hundred, from passing the gate; nothing when none was held back by it."""
    variants = setup.session.json(calls.show(ref, limit=LOOKED_AT))["variants"]
    held = [each for each in variants if each.get("passed") is False and each.get("score") is not None]
    if not held:
        return []
    closest = max(held, key=lambda each: each["score"])["ref"]
    criteria = [
        criterion
        for decision in setup.session.json(calls.why(closest))["decisions"]
        if decision["kind"] == "gate"
        for criterion in decision["inputs"].get("criteria", ())
    ]
    short = "; ".join(each["text"] for each in criteria if each["shortfall"] != 0)
    return [
        f"{closest} did not pass the gate{f': {printable(short)}' if short else ''}",
        f"  orc logs {closest} shows what it printed, orc why {closest} all criteria",
    ]


def result_line(snapshot: dict[str, Any]) -> str:
    """`12 rsi succeeded in 4.2 s: 30 evaluations, 2 failed (a variant passed)`."""
    iterations = snapshot["iterations"]
    reason = f" ({printable(snapshot['reason'])})" if snapshot.get("reason") else ""
    took = duration(snapshot.get("elapsed_seconds"))
    done = count(iterations["succeeded"] + iterations["failed"], "evaluation")
    return f"{name_of(snapshot)} {snapshot['state']} in {took}: {done}{without_result(iterations)}{reason}"


def outcome(setup: Setup, snapshot: dict[str, Any]) -> dict[str, Any]:
    """The JSON document of a run."""
    document = setup.session.json(calls.show(snapshot["ref"], limit=1))
    kept = {key: document.get(key) for key in ("id", "name", "state", "reason", "selected")}
    return {**kept, "ref": str(document["id"]), "best": best_of(setup, document["id"])}


def print_result(setup: Setup, snapshot: dict[str, Any]) -> None:
    """The winners, the errors when there are some, and the result as the last line."""
    document = setup.session.json(calls.show(snapshot["ref"], limit=1))
    found = winners(setup, document)
    setup.print_lines(variant_lines(setup, found) if found else [])
    if found and not any(each.get("metrics") for each in found):
        setup.print_lines([NOTHING_MEASURED])
    try:
        if snapshot["iterations"]["failed"]:
            setup.print_lines(_errors(setup, snapshot["ref"]))
        if not document.get("selected"):
            setup.print_lines(_shortfalls(setup, snapshot["ref"]))
    except OrchestratorError as error:
        setup.message(f"what went wrong could not be read: {error}")
    setup.print_lines([result_line(snapshot)])
