"""What the global options say, and what follows from it: the session, where messages go, whether to draw."""

import json
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import click

from orchestrator.client.door import find_door
from orchestrator.client.session import Session, say


@dataclass(kw_only=True)
class Setup:
    """The global options as they were given, before or after the verb."""

    json: bool = False
    no_start: bool = False
    socket: str | None = None
    state_dir: str | None = None
    config: str | None = None
    quiet: bool = False
    verbose: bool = False

    @cached_property
    def session(self) -> Session:
        """Speaks to the daemon these options mean. Raises InvalidRequest for a socket path that is too long."""
        door = find_door(self.socket, state_directory=self.state_dir, settings_file=self.config, environ=os.environ)
        session = Session(door, announce=self.message)
        return session.without_start("--no-start was given: start one with orc daemon") if self.no_start else session

    @cached_property
    def on_terminal(self) -> bool:
        """Whether a person reads stdout at a terminal."""
        return sys.stdout.isatty() and not self.json

    @cached_property
    def colour(self) -> bool:
        """Whether stdout may be coloured."""
        return self.can_draw and not os.environ.get("NO_COLOR")

    @cached_property
    def can_draw(self) -> bool:
        """Whether a picture can be drawn again in its place."""
        return self.on_terminal and os.environ.get("TERM") != "dumb"

    def message(self, text: str) -> None:
        """Something the person should know; on stderr, not with -q."""
        if not self.quiet:
            say(text)

    def print_json(self, value: Any) -> None:
        """The one JSON document of this call: indented for a person, on one line for a program."""
        if sys.stdout.isatty():
            click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        else:
            click.echo(json.dumps(value))

    def print_lines(self, lines: list[str]) -> None:
        """Text for a person, or for `grep`."""
        if lines:
            click.echo("\n".join(lines), color=self.colour)


pass_setup = click.make_pass_decorator(Setup, ensure=True)
