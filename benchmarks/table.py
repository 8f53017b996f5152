"""What a benchmark says: rows of a measured value, what it is compared with, and the goal."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How thoroughly to measure."""

    runs: int = 3  # the median of so many counts
    evaluations: int = 10_000
    million: bool = False  # also with a million iterations on disk: takes minutes
    peers: bool = True
    slots: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; a row that could not be measured has a note and no value."""

    what: str
    unit: str
    value: float | None = None
    against: str = ""
    floor: float | None = None  # what it is compared with, in the same unit
    ratio: float | None = None
    at_least: float | None = None  # the goal for the ratio
    at_most: float | None = None
    note: str = ""
    samples: Sequence[float] = field(default=())

    @property
    def goal(self) -> str:
        """The goal in words."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}×"
        return f"≤ {self.at_most:g}×" if self.at_most is not None else ""

    @property
    def met(self) -> bool | None:
        """Whether the ratio reaches the goal; None when there is nothing to compare."""
        if self.ratio is None or (self.at_least is None and self.at_most is None):
            return None
        return self.ratio >= self.at_least if self.at_least is not None else self.ratio <= (self.at_most or 0.0)


def median(samples: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(samples)


HEADINGS = ("what", "value", "against", "ratio", "goal", "met")


def cells(row: Row) -> tuple[str, ...]:
    """The row as texts."""
    if row.value is None:
        return (row.what, "–", row.note, "", row.goal, "")
    against = f"{row.against} {number(row.floor)} {row.unit}" if row.floor is not None else row.note
    ratio = f"{row.ratio:.2f}×" if row.ratio is not None else ""
    met = {True: "yes", False: "NO", None: ""}[row.met]
    return (row.what, f"{number(row.value)} {row.unit}", against, ratio, row.goal, met)


def number(value: float | None) -> str:
    """Three significant digits, thousands apart."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The table, aligned, with a line under the headings."""
    texts = [HEADINGS, *(cells(row) for row in rows)]
    widths = [max(len(text[column]) for text in texts) for column in range(len(HEADINGS))]
    for index, text in enumerate(texts):
        yield "  ".join(cell.ljust(width) for cell, width in zip(text, widths, strict=True)).rstrip()
        if index == 0:
            yield "  ".join("-" * width for width in widths)
