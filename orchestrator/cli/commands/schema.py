"""`orc schema`: the JSON Schema of experiment files."""

import json

import click

from orchestrator.cli import offline
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls


@verb("schema", examples=["orc schema > experiment.schema.json"])
@pass_setup
def command(setup: Setup) -> None:
    """Print the JSON Schema of experiment files, for editors. Needs no daemon."""
    schema = offline.ask_without_starting(setup, calls.schema(), arguments=["schema"])
    if setup.json:
        setup.print_json(schema)
    else:
        click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
