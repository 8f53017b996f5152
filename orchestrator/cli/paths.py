"""Paths on the command line."""

from typing import Any

import click


class FilledPath(click.Path):
    """A path that is not empty.

    An empty one is a variable that was not set in a script: taken for none, it would mean another daemon or the current directory.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As for every type of click."""
        if value == "":
            self.fail("the path is empty.", param, ctx)
        return super().convert(value, param, ctx)
