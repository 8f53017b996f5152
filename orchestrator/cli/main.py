"""The entry of `orc`: find the verb, run it, turn every end into an exit status."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from orchestrator import __version__
from orchestrator.cli import failures, streams
from orchestrator.cli.setup import Setup
from orchestrator.cli.verb import CONTEXT, global_options
from orchestrator.cli.verbs import MEANT, SECTIONS, VERBS
from orchestrator.errors import OrchestratorError


class Orc(click.Group):
    """The group of all verbs; a verb's file is loaded when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All verbs, by purpose."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load a verb."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"orchestrator.cli.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but suggests verbs without loading them."""
        if args[0] not in VERBS and not args[0].startswith("-") and not ctx.resilient_parsing:
            if meant := MEANT.get(args[0]):
                raise click.UsageError(f"No such command '{args[0]}'. Did you mean '{meant}'?", ctx=ctx)
            raise click.NoSuchCommand(args[0], possibilities=VERBS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The verbs by purpose."""
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(verbs.items()), col_max=14)


def _version(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: ARG001, FBT001 - click's signature
    if value and not context.resilient_parsing:
        click.echo(f"orc {__version__}")
        context.exit()


HELP = """Run experiments: variants are evaluated in parallel, gated, selected, and everything is kept.

REF is 12 (an experiment), 12.3 (a variant), 12.3.1 (an iteration); an experiment's name may stand for its number. Global options
may stand after the verb too. Exit status: 0 fine, 1 unexpected, 2 usage or invalid file, 3 not succeeded, 4 no daemon, 5 refused,
130 interrupted.
"""

orc = Orc(
    "orc",
    context_settings=CONTEXT,
    help=HELP,
    subcommand_metavar="VERB [ARGUMENTS]",
    no_args_is_help=True,
    epilog="orc init writes an experiment to start from; orc run runs it.",
    params=[
        *global_options(),
        click.Option(
            ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version."
        ),
    ],
)


def _run_verb(arguments: Sequence[str], setup: Setup) -> int:
    """The verb's own exit status; a mistake in the command line becomes an OrchestratorError."""
    try:
        ended: Any = orc.main(list(arguments), prog_name="orc", standalone_mode=False, obj=setup)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return failures.USAGE
    except click.ClickException as error:
        raise failures.usage_error(error) from error
    sys.stdout.flush()
    return ended if isinstance(ended, int) else failures.FINE


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit status."""
    setup, stdout = Setup(), sys.stdout
    try:
        return _run_verb(arguments, setup)
    except OrchestratorError as error:
        failure = error
    except (KeyboardInterrupt, click.Abort):
        return failures.INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and sys.stdout is stdout:  # click puts another one there when a pipe is closed
            raise
        streams.quieten_stdout()
        return failures.PIPE_CLOSED
    except Exception as error:  # noqa: BLE001 - the last resort: a person gets one line, with -v the whole story
        failure = failures.unexpected(error)
    return failures.report(failure, as_json=setup.json or "--json" in arguments, trace=setup.verbose)


def main() -> int:
    """The console script. It leaves without tearing the interpreter down, which would be a tenth of a short call."""
    streams.open_closed()
    streams.replace_letters()
    try:
        status = run(sys.argv[1:])
    except SystemExit as leaving:  # completion answers its shell this way
        status = leaving.code if isinstance(leaving.code, int) else failures.FINE
    streams.flush()
    os._exit(status)
