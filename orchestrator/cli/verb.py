"""What every verb has: the global options, examples in its help, `-h`."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from orchestrator.cli.paths import FilledPath
from orchestrator.cli.setup import Setup

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Remember a global option when it was given here; the other place may have given it too."""
    if value and parameter.name is not None:
        setattr(context.ensure_object(Setup), parameter.name, value)


def _flag(*names: str, text: str) -> click.Option:
    return click.Option(names, is_flag=True, expose_value=False, is_eager=True, callback=_keep, help=text)


def _value(*names: str, metavar: str, text: str) -> click.Option:
    kind = FilledPath()
    return click.Option(names, type=kind, metavar=metavar, expose_value=False, is_eager=True, callback=_keep, help=text)


def global_options() -> list[click.Option]:
    """The options every verb takes, before and after its name."""
    return [
        _flag("--json", text="One JSON document on stdout, nothing else there."),
        _flag("--no-start", text="Start no daemon when none is listening."),
        _value("--socket", metavar="PATH", text="The daemon's socket."),
        _value("--state-dir", metavar="DIR", text="The state directory of the daemon meant."),
        _value("--config", metavar="FILE", text="The settings file of a daemon that is started."),
        _flag("-q", "--quiet", text="No messages on stderr but errors."),
        _flag("-v", "--verbose", text="More when something goes wrong."),
    ]


class Verb(click.Command):
    """A command with the global options in a section of their own, and examples at the end of its help."""

    def __init__(self, name: str, *, examples: Sequence[str], **settings: Any) -> None:
        super().__init__(name, context_settings=CONTEXT, **settings)
        self.examples = examples
        self._global = global_options()
        self.params = [*self.params, *self._global]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; a mistake that it does not say the verb of is this one's."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verb's own options first."""
        own = [each for each in self.get_params(ctx) if each not in self._global and isinstance(each, click.Option)]
        for title, options in (("Options", own), ("Global options", self._global)):
            records = [record for each in options if (record := each.get_help_record(ctx)) is not None]
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Examples, as they are typed."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class VerbGroup(Verb, click.Group):
    """A verb that is followed by another word which says what of it is meant."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The words first."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)


def verb(name: str, *, examples: Sequence[str]) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a function the command of a verb; what it returns is the exit status (None: 0)."""
    return click.command(name, cls=Verb, examples=examples)
