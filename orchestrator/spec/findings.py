"""What was found wrong, by place, and how a place is written for a person."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

Place = tuple[str | int, ...]

_BARE = re.compile(r"[\w-]{1,80}")
_LONGEST_SHOWN = 60

MOST_FINDINGS: Final = 100
"""So many are worth telling; looking for suggestions for more would only cost time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong (or odd) at a place of the raw data; stages by their position."""

    place: Place
    message: str


def dotted(place: Place, *, labels: Sequence[str]) -> str:
    """`stage.main.timeout`: the place with stages by name."""
    parts = list(place)
    if len(place) > 1 and place[0] == "stage" and isinstance(place[1], int) and place[1] < len(labels):
        parts[1] = labels[place[1]]
    return ".".join(map(_quoted, parts)) or "experiment"


def _quoted(part: str | int) -> str:
    text = str(part)
    return text if _BARE.fullmatch(text) else shorten(json.dumps(text, ensure_ascii=False))


def shorten(text: str) -> str:
    """At most 60 characters of it."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def shown(value: Any) -> str:
    """A value as the file writes it, with its kind."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return shorten(str(value))
    if isinstance(value, str):
        return f"{shorten(json.dumps(value, ensure_ascii=False))} (text)"
    if isinstance(value, (list, tuple)):
        return "an empty list" if not value else "a list"
    return "a table" if isinstance(value, dict) else type(value).__name__


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` did you mean "…"?` with a leading blank, or nothing."""
    close = get_close_matches(shorten(word), list(known), n=1)
    return f' did you mean "{close[0]}"?' if close else ""


def which_stages(word: str, names: Iterable[str], *, others: Iterable[str] = ()) -> str:
    """What follows the name of a stage that there is not: `; did you mean "a"? The stages are: a, b`.

    `others` could be meant too and are not listed.
    """
    stages = list(dict.fromkeys(names))
    close = did_you_mean(word, [*stages, *others])
    if not stages:
        return f";{close}" if close else ""
    return f"; {f'{close.lstrip()} The' if close else 'the'} stages are: {listed(stages)}"


def listed(words: Iterable[str]) -> str:
    """The words, separated by commas; the first 20 of them."""
    every = list(words)
    return ", ".join(every[:20]) + (", …" if len(every) > 20 else "")  # noqa: PLR2004 - said in the docstring
