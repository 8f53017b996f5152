"""An experiment as a flat table: a row an iteration (its last attempt), with the columns of the export. Plain functions."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]

FIXED = ("ref", "variant", "stage", "case", "repeat", "state", "cause", "seed")
TIMINGS = (
    "attempt",
    "executor",
    "wall_seconds",
    "cpu_seconds",
    "max_rss_bytes",
    "queue_seconds",
    "read_bytes",
    "written_bytes",
    "output_bytes",
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns a table has, in order."""

    params: tuple[str, ...]
    metrics: tuple[str, ...]
    timings: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The header."""
        return [
            *FIXED,
            *(f"param.{name}" for name in self.params),
            *(f"metric.{name}" for name in self.metrics),
            *self.timings,
        ]


def columns(names: Mapping[str, Sequence[str]], *, timings: bool) -> Columns:
    """The columns of an experiment whose parameters and own metrics have these names."""
    return Columns(tuple(sorted(names["params"])), tuple(sorted(names["metrics"])), TIMINGS if timings else ())


def rows(variants: Iterable[Row], layout: Columns) -> Iterator[list[Any]]:
    """The rows of some variants. Refs are relative to the experiment, so that two runs of one experiment give the same bytes."""
    for variant in variants:
        number = variant["ref"].partition(".")[2]
        params = [variant["params"].get(name) for name in layout.params]
        for iteration in variant["iterations"]:
            own = iteration["metrics"] or {}
            yield [
                iteration["ref"].partition(".")[2],
                number,
                *(iteration[name] for name in FIXED[2:]),
                *params,
                *(own.get(name) for name in layout.metrics),
                *(iteration[name] for name in layout.timings),
            ]


def as_csv(table: Iterable[Sequence[Any]]) -> bytes:
    """Lines of CSV, each ending in a line feed; nothing for null, numbers as JSON writes them, nested values as JSON."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in table)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Any) -> Any:
    if isinstance(value, (bool, dict, list)):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    return value
