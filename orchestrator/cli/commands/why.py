"""`orc why`: what was decided, and from what."""

from typing import Any

from orchestrator.cli import arguments
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import folded, number, pairs, printable, terminal_columns
from orchestrator.cli.verb import verb
from orchestrator.client import calls


def _known(values: Any) -> str:
    """The values that are known, on one line."""
    return (
        pairs({name: value for name, value in values.items() if value is not None})
        if isinstance(values, dict)
        else number(values)
    )


def _told(title: str, values: Any, columns: int | None) -> list[str]:
    """The values behind their title; of criteria a sentence each."""
    label, criteria = f"  {title:<6}  ", []
    if isinstance(values, dict) and values.get("criteria"):
        criteria = [printable(str(each["text"])) for each in values["criteria"]]
        values = {name: value for name, value in values.items() if name != "criteria"}
    texts = [*criteria, *([_known(values)] if values else [])]
    return [line for text in texts for line in folded(label, text, columns=columns)]


def _lines(decision: dict[str, Any], columns: int | None) -> list[str]:
    where = f"round {decision['round']}" if decision.get("round") else "before the first round"
    rule = f" by {printable(decision['rule'])}" if decision.get("rule") else ""
    time = f"  ({decision['time']})" if decision.get("time") else ""
    lines = [f"{where}  {printable(decision['kind'])}{rule}{time}"]
    if decision.get("message"):
        lines.append(f"  {printable(decision['message'])}")
    told = (("from", decision.get("inputs")), ("result", decision.get("result")))
    return [*lines, *(line for title, values in told if values for line in _told(title, values, columns))]


@verb("why", examples=["orc why 12", "orc why 12.3"])
@arguments.ref
@pass_setup
def command(setup: Setup, ref: str) -> None:
    """Show the decisions on record, oldest first: what was generated, pruned, gated, selected, ended; from which inputs, by which rule."""
    answer = setup.session.json(calls.why(ref))
    if setup.json:
        setup.print_json(answer)
        return
    columns = terminal_columns(on_terminal=setup.on_terminal)
    for decision in answer["decisions"]:
        setup.print_lines(_lines(decision, columns))
    if not answer["decisions"]:
        setup.message(f"nothing has been decided about {ref} yet")
