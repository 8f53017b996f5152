"""`orc why`: what was decided, and from what."""

from typing import Any

from orchestrator.cli import arguments
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import number, printable
from orchestrator.cli.verb import verb
from orchestrator.client import calls


def _values(title: str, values: Any) -> list[str]:
    if not values:
        return []
    items = values.items() if isinstance(values, dict) else [(title, values)]
    return [f"    {title:<7} {printable(str(name))} = {number(value)}" for name, value in items]


def _lines(decision: dict[str, Any]) -> list[str]:
    where = f"round {decision['round']}" if decision.get("round") else "before the first round"
    rule = f" by {printable(decision['rule'])}" if decision.get("rule") else ""
    head = f"{decision['time']}  {where}  {printable(decision['kind'])}{rule}"
    message = [f"    {printable(decision['message'])}"] if decision.get("message") else []
    return [head, *message, *_values("from", decision.get("inputs")), *_values("result", decision.get("result"))]


@verb("why", examples=["orc why 12", "orc why 12.3"])
@arguments.ref
@pass_setup
def command(setup: Setup, ref: str) -> None:
    """Show the decisions on record, oldest first: what was generated, pruned, gated, selected, ended; from which inputs, by which rule."""
    answer = setup.session.json(calls.why(ref))
    if setup.json:
        setup.print_json(answer)
        return
    for decision in answer["decisions"]:
        setup.print_lines(_lines(decision))
    if not answer["decisions"]:
        setup.message(f"nothing has been decided about {ref} yet")
