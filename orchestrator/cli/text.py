"""How values are written for a person: tables, times, sizes, numbers. Nothing of it decides anything."""

import json
import os
import re
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from orchestrator.domain.durations import written

NONE = "-"
FEW = 10  # below it a decimal is worth its place
LINES = frozenset("\n\t")
BEFORE_A_UNIT = re.compile(r"(?<=\d) (?=(?:[mµ]?s|min|h|d|[KMGT]iB|B|USD)\b)")
UNBROKEN = "\N{NO-BREAK SPACE}"

STATE_COLOURS: Mapping[str, str] = {
    "running": "cyan",
    "evaluating": "cyan",
    "succeeded": "green",
    "evaluated": "green",
    "failed": "red",
    "abandoned": "yellow",
    "cancelled": "yellow",
    "pruned": "yellow",
    "paused": "magenta",
}


def _visible(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def printable(text: str, *, keep_lines: bool = False) -> str:
    """The text without anything that would steer a terminal: control characters become visible escapes."""
    if text.isprintable():
        return text
    return "".join(letter if keep_lines and letter in LINES else _visible(letter) for letter in text)


def duration(seconds: float | None) -> str:
    """As durations are written for people; `-` for None."""
    return NONE if seconds is None else written(seconds)


def size(count: float | None) -> str:
    """`512 B`, `1.2 GiB`."""
    if count is None:
        return NONE
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    step = min(max(int(count).bit_length() - 1, 0) // 10, len(units) - 1)
    value = count / 1024**step
    return f"{value:.0f} {units[step]}" if value >= FEW or step == 0 else f"{value:.1f} {units[step]}"


def number(value: Any) -> str:
    """A number with six significant digits; whole numbers in full; anything else as JSON."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return printable(value) if isinstance(value, str) else NONE if value is None else json.dumps(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def pairs(values: Mapping[str, Any] | None, *, most: int | None = None) -> str:
    """`rsi=70 lookback=5`; with `most`, the first of them and how many more there are."""
    told = [f"{printable(name)}={number(value)}" for name, value in (values or {}).items()]
    if most is not None and len(told) > most:
        told[most:] = [f"(and {len(told) - most} more)"]
    return " ".join(told) or NONE


def measured(variant: Mapping[str, Any]) -> dict[str, str]:
    """A variant's metrics, those of several cases or repeats with their standard deviation: `0.989988±0.0046`."""
    spreads = (variant.get("spread") or {}).get("spread") or {}
    deviations = {name: spread["deviation"] for name, spread in spreads.items() if spread["deviation"]}
    return {
        name: number(value) + (f"±{number(float(f'{deviations[name]:.2g}'))}" if name in deviations else "")
        for name, value in (variant.get("metrics") or {}).items()
    }


def count(number_of: int, one: str, many: str | None = None) -> str:
    """`1 variant`, `5 variants`."""
    return f"{number_of} {one if number_of == 1 else many or one + 's'}"


def without_result(iterations: Mapping[str, int]) -> str:
    """`, 2 failed, 10 cancelled`: what of the iterations of an experiment came to nothing."""
    return "".join(f", {iterations[state]} {state}" for state in ("failed", "cancelled") if iterations[state])


def age(moment: str | None) -> str:
    """How long ago a time of the API was; without the seconds from a minute on."""
    if moment is None:
        return NONE
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    rough, minutes, _ = duration(max(0.0, round(seconds))).partition(" min")
    return f"{rough}{minutes} ago"


def between(start: str | None, end: str | None) -> float | None:
    """Seconds from one time of the API to another; None when one is missing."""
    if start is None or end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def width(text: str) -> int:
    """Columns the text takes on a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) != 0 for letter in text)


def shortened(text: str, columns: int) -> str:
    """The text cut to fit, with `…` where something is missing."""
    if width(text) <= columns:
        return text
    while text and width(text) > columns - 1:
        text = text[:-1]
    return f"{text}…"


def folded(label: str, text: str, *, columns: int | None) -> list[str]:
    """The text behind its label, on as many lines as it takes; those after the first begin below the text.

    No word is broken, and no number comes off its unit.
    """
    if columns is None or len(label) + len(text) <= columns:
        return [label + text]
    kept = BEFORE_A_UNIT.sub(UNBROKEN, text)
    lines = textwrap.wrap(kept, max(20, columns - len(label)), break_long_words=False, break_on_hyphens=False)
    return [f"{' ' * len(label) if at else label}{line.replace(UNBROKEN, ' ')}" for at, line in enumerate(lines)]


def state_painter(*, colour: bool) -> Callable[[str], str]:
    """Colours the name of a state, or what begins with one."""

    def paint(text: str) -> str:
        found = STATE_COLOURS.get(text.strip().partition(" ")[0])
        return click.style(text, fg=found) if colour and found else text

    return paint


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: frozenset[str] = frozenset(),
    paint: Callable[[str], str] = str,
    columns: int | None = None,
) -> list[str]:
    """Aligned lines; the columns named in `right` are set right; `columns` bounds the width of the last one.

    `paint` colours a padded cell of the column STATE.
    """
    content = [list(headers), *(list(row) for row in rows)]
    widths = [max(width(row[at]) for row in content) for at in range(len(headers))]
    if columns is not None:
        widths[-1] = min(widths[-1], max(8, columns - sum(widths[:-1]) - 2 * (len(widths) - 1)))
    lines = []
    for line_number, row in enumerate(content):
        cells = []
        for header, cell, space in zip(headers, row, widths, strict=True):
            text = shortened(cell, space) if header == headers[-1] else cell
            blank = " " * (space - width(text))
            padded = blank + text if header in right else text + blank
            cells.append(paint(padded) if header == "STATE" and line_number else padded)
        lines.append("  ".join(cells).rstrip())
    return lines


def terminal_columns(*, on_terminal: bool) -> int | None:
    """The width of the terminal; None when output goes elsewhere, or when the terminal does not say."""
    if not on_terminal:
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except OSError:
        return None
