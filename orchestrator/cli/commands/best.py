"""`orc best`: the best variant."""

from orchestrator.cli import arguments
from orchestrator.cli.failures import FINE, NOT_SUCCEEDED
from orchestrator.cli.results import best_of, variant_lines
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb


@verb("best", examples=["orc best 12", "orc best 12 --json | jq .params"])
@arguments.experiment
@pass_setup
def command(setup: Setup, ref: str) -> int:
    """Show the best variant of an experiment so far: parameters, metrics, score. With a gate only one that passed.

    Metrics are those over cases and repeats, ± their standard deviation. Exit status 3 when there is none.
    """
    best = best_of(setup, ref)
    if setup.json:
        setup.print_json(best)
    elif best:
        setup.print_lines(variant_lines(setup, best if isinstance(best, list) else [best]))
    else:
        setup.message(f"{ref} has no best variant: none was evaluated, or none passed (orc show {ref})")
    return FINE if best else NOT_SUCCEEDED
