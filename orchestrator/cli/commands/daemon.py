"""`orc daemon`: become the daemon. Its own options are read by the daemon."""

import os
import sys

import click

from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import CONTEXT
from orchestrator.client.program import command as program
from orchestrator.client.program import with_package


def _given_before(setup: Setup) -> list[str]:
    """The global options that stood before the verb, as the daemon reads them."""
    named = {"--state-dir": setup.state_dir, "--socket": setup.socket, "--config": setup.config}
    options = [word for name, value in named.items() if value for word in (name, value)]
    flags = {"--json": setup.json, "-q": setup.quiet, "-v": setup.verbose}
    return [*options, *(flag for flag, given in flags.items() if given)]


@click.command(
    "daemon",
    context_settings={**CONTEXT, "ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@pass_setup
def command(setup: Setup, arguments: tuple[str, ...]) -> None:
    """Run the daemon in the foreground; what systemd runs. It leaves on SIGTERM, after draining."""
    sys.stdout.flush()
    line = program("daemon", *_given_before(setup), *arguments)
    os.execve(line[0], line, with_package(os.environ))  # noqa: S606 - our own interpreter and package
