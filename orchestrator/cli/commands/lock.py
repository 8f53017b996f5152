"""`orc lock run`: a command that holds a named lock."""

import click

from orchestrator.cli import failures
from orchestrator.cli.arguments import Amount
from orchestrator.cli.holding import CannotRun, run_holding
from orchestrator.cli.named_locks import complete_lock, hold
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import VerbGroup, verb

RUN = "orc lock run gpu0 -- ./train --epochs 3"
RUN_WITH_PATIENCE = "orc lock run --timeout 60 gpu0 -- make bench"

command = VerbGroup(
    "lock",
    examples=[RUN, RUN_WITH_PATIENCE, "orc lock run --no-wait nightly -- ./nightly.sh"],
    help="Run a command while holding a named lock, which evaluations that name it in their locks respect too. Needs no daemon.",
    no_args_is_help=True,
)


@verb("run", examples=[RUN, RUN_WITH_PATIENCE, "orc lock run gpu0 -- sh -c 'make && ./bench'"])
@click.argument("name", shell_complete=complete_lock)
@click.argument("words", metavar="-- CMD...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--timeout", metavar="SECONDS", type=Amount(), help="Wait this long at most.")
@click.option("--no-wait", is_flag=True, help="Do not wait when somebody holds it.")
@pass_setup
def run(setup: Setup, name: str, words: tuple[str, ...], *, timeout: float | None, no_wait: bool) -> int:
    """Wait for the lock NAME, run CMD holding it, and exit as CMD did; 5 when the lock was not to be had.

    Signals are passed on. The lock comes back when CMD has ended, whatever CMD leaves running; should orc be killed before, CMD and
    what it has started keep it until they have ended.
    """
    if no_wait and timeout:
        raise click.UsageError("--no-wait and --timeout exclude each other")
    taken = hold(setup, name, command=words, patience=0 if no_wait else timeout)
    try:
        return run_holding(taken, words)
    except CannotRun as error:
        failures.report(error, as_json=setup.json)
        return error.status


run.short_help = "Wait for a lock and run a command holding it."
command.add_command(run)
