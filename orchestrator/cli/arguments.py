"""Arguments and options that several verbs share."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

from orchestrator.cli.completing import complete_experiment, complete_ref
from orchestrator.cli.paths import FilledPath

Function = TypeVar("Function", bound=Callable[..., Any])


class Amount(click.FloatRange):
    """A number of which there can be so much: not below 0, and neither infinite nor no number at all."""

    name = "number"

    def __init__(self) -> None:
        super().__init__(min=0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As for every type of click."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def ref(function: Function) -> Function:
    """REF at every level, or a name."""
    return click.argument("ref", shell_complete=complete_ref)(function)


def refs(function: Function) -> Function:
    """One or more REF at every level."""
    return click.argument("refs", metavar="REF...", nargs=-1, required=True, shell_complete=complete_ref)(function)


def experiment(function: Function) -> Function:
    """REF of an experiment, or its name."""
    return click.argument("ref", shell_complete=complete_experiment)(function)


def experiments(function: Function) -> Function:
    """One or more REF of experiments."""
    return click.argument("refs", metavar="REF...", nargs=-1, required=True, shell_complete=complete_experiment)(
        function
    )


def spec(function: Function) -> Function:
    """SPEC and what changes it for this once."""
    function = click.option(
        "overrides",
        "--set",
        metavar="KEY=VALUE",
        multiple=True,
        help="Replace a value of the file, for example limits.max_parallel=2. May be given again.",
    )(function)
    return click.argument("spec", type=FilledPath())(function)
