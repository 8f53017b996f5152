"""`orc submit`: send an experiment and print its id."""

from orchestrator.cli import arguments, sending
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb


@verb("submit", examples=["orc submit experiment.toml", 'id=$(orc submit . --set seed=7) && orc wait "$id"'])
@arguments.spec
@pass_setup
def command(setup: Setup, spec: str, overrides: tuple[str, ...]) -> None:
    """Submit the experiment in SPEC (a file, a folder with experiment.toml, or - for stdin) and print its id.

    It is on disk when the id is printed.
    """
    submitted = sending.submit(setup, spec, overrides)
    if setup.json:
        setup.print_json(submitted)
    else:
        setup.print_lines([str(submitted["ref"])])
