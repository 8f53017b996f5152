"""`orc explain`: why something waits."""

from orchestrator.cli import arguments
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import printable
from orchestrator.cli.verb import verb
from orchestrator.client import calls


@verb("explain", examples=["orc explain 12", "orc explain 12.3.1"])
@arguments.ref
@pass_setup
def command(setup: Setup, ref: str) -> None:
    """Say why something waits, and what would change that."""
    answer = setup.session.json(calls.explain(ref))
    if setup.json:
        setup.print_json(answer)
        return
    lines = [f"{answer['ref']} is {answer['state']}"]
    for each in answer["reasons"]:
        lines.append(f"  {printable(each['reason'])}: {printable(each['message'])}")
        if each.get("would_change"):
            lines.append(f"    what would change that: {printable(each['would_change'])}")
    setup.print_lines(lines)
