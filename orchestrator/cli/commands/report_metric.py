"""`orc report-metric`: tell the daemon how far a running command is."""

import os
from typing import Any

import click

from orchestrator.cli.arguments import Amount
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls
from orchestrator.errors import InvalidRequest


def _pairs(words: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not name or not equals:
            raise InvalidRequest(f"{word!r} is not NAME=NUMBER", hint="for example loss=0.31")
        if name in found:
            raise InvalidRequest(f"{name} is given twice", hint="see orc report-metric --help")
        found[name] = _number(word, text)
    return found


def _number(word: str, text: str) -> float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise InvalidRequest(f"{word!r} is not NAME=NUMBER: {text!r} is no number") from None


def _place() -> tuple[str, int | None]:
    """The iteration and the attempt that this runs in."""
    ref, attempt = os.environ.get("ORC_REF"), os.environ.get("ORC_ATTEMPT", "")
    if not ref:
        raise InvalidRequest(
            "there is no ORC_REF in the environment: this is not run by an evaluation",
            hint="call it from a command of an experiment, or name one with --ref 12.3.1",
        )
    if attempt and not attempt.isdecimal():
        raise InvalidRequest(f"ORC_ATTEMPT is {attempt!r}, which is no number of an attempt")
    return ref, int(attempt) if attempt else None


@verb(
    "report-metric",
    examples=[
        "orc report-metric --step 12 loss=0.31 accuracy=0.9",
        "orc report-metric --usd 0.02 --tokens 1200",
        "orc report-metric --ref 12.3.1 --step 3 loss=0.5",
    ],
)
@click.argument("metrics", metavar="[NAME=NUMBER]...", nargs=-1)
@click.option("--step", metavar="N", type=click.IntRange(min=0), help="How far it is; needed with numbers.")
@click.option("--usd", metavar="AMOUNT", type=Amount(), help="US dollars spent since the last call.")
@click.option("--tokens", metavar="N", type=click.IntRange(min=0), help="Tokens used since the last call.")
@click.option("--ref", metavar="REF", help="The iteration, when it is not $ORC_REF.")
@pass_setup
def command(setup: Setup, /, **given: Any) -> None:
    """Tell the daemon how far the evaluation is that this runs in, from a command or a script: numbers at a step, or costs.

    What it is part of is read from ORC_SOCKET, ORC_REF and ORC_ATTEMPT, which every command has in its environment. An attempt that is
    over is refused with status 5.
    """
    ref, attempt = _place() if given["ref"] is None else (given["ref"], None)
    body = {name: given[name] for name in ("step", "usd", "tokens") if given[name] is not None}
    numbers = _pairs(given["metrics"])
    if numbers and "step" not in body:
        raise InvalidRequest("numbers need --step N: how far it is", hint="see orc report-metric --help")
    if not body:
        raise InvalidRequest("there is nothing to tell", hint="see orc report-metric --help")
    if attempt is not None:
        body["attempt"] = attempt
    if setup.state_dir is None:
        setup.socket = setup.socket or os.environ.get("ORC_SOCKET")
    session = setup.session.without_start("an evaluation runs in a daemon that is there")
    answer = session.json(calls.report_metric(ref, {**body, "metrics": numbers}))
    if setup.json:
        setup.print_json(answer)
    elif answer["pruned"]:
        setup.message(f"{ref} is to end: {answer['pruned']}")
