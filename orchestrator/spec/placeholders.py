"""Placeholders of a command: `{name}` is filled in, `{{` and `}}` are braces."""

import re
from dataclasses import dataclass
from typing import Final

RESERVED: Final = ("seed", "shared_seed", "case", "repeat", "workdir")
"""Names a command can use without anybody declaring them; no parameter or argument may have them."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What stands in a command's text: the names it uses, and the positions of braces that belong to nothing."""

    names: tuple[str, ...]
    lone_braces: tuple[int, ...]


def read_template(text: str) -> Template:
    """Look through one word of a command, or a whole shell command."""
    names: dict[str, None] = {}
    lone: list[int] = []
    for token in _TOKEN.finditer(text):
        if token[1] is not None:
            names[token[1]] = None
        elif token[0] in "{}":
            lone.append(token.start())
    return Template(names=tuple(names), lone_braces=tuple(lone))
