"""What attempts used, added to the sums of their experiment, stage and executor in the transaction that writes the attempts."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from orchestrator.domain.outcome import AttemptEnd
from orchestrator.domain.states import Cause
from orchestrator.store.buckets import counted
from orchestrator.store.sql import rows_of
from orchestrator.store.writer import Transaction

SHARED_COLUMNS = ("experiment", "executor")
"""What is the same for all attempts that are written at once."""

ATTEMPT_COLUMNS = rows_of("add_attempts")[len(SHARED_COLUMNS) :]
_AT = {name: position for position, name in enumerate(ATTEMPT_COLUMNS)}
_END, _CAUSE = _AT["end"], _AT["cause"]
_LASTING = (AttemptEnd.SUCCEEDED.value, AttemptEnd.FAILED.value)
_FIRST = ("variant", "iteration", "number")
_SUMS: tuple[tuple[str, Callable[[Iterable[Any]], Any]], ...] = (
    ("wall_seconds", sum),
    ("cpu_seconds", sum),
    ("max_rss_bytes", max),
    ("output_bytes", sum),
    ("read_bytes", sum),
    ("written_bytes", sum),
    ("queue_seconds", sum),
    ("wall_seconds", max),
    ("queue_seconds", max),
    ("started_us", min),
    ("finished_us", max),
)

Row = Sequence[Any]
ByName = Mapping[str, Sequence[Any]]
"""Attempts by the names of `ATTEMPT_COLUMNS`; what there is no column of is known of none."""


class Place(NamedTuple):
    """Where attempts ran that are added together."""

    experiment: int
    stage: str
    executor: str


class Sums(NamedTuple):
    """Of attempts: what they used by kind, in the order of `add_usage`, and how many took how long, by bucket."""

    kinds: Sequence[tuple[Any, ...]]
    walls: Mapping[int, int]


def sums_of(attempts: Sequence[Row]) -> Sums:
    """Of the rows of attempts, as `add_attempts` takes them."""
    kinds = [(end, dict(zip(ATTEMPT_COLUMNS, columns, strict=True))) for end, columns in _by_kind(attempts)]
    lasting = [columns["wall_seconds"] for end, columns in kinds if end in _LASTING]
    return Sums([_kind(columns) for _, columns in kinds], counted(filter(None, chain.from_iterable(lasting))))


def sums_of_kind(columns: ByName) -> Sums:
    """Of attempts that all have the same end, one that lasts, and the same cause."""
    return Sums([_kind(columns)], counted(filter(None, columns["wall_seconds"])))


def add_usage(transaction: Transaction, place: Place, sums: Sums) -> None:
    """Add the sums of attempts of one place."""
    transaction.run_rows("add_usage", [(*place, *kind) for kind in sums.kinds])
    transaction.run_rows("add_usage_total", [(place.executor, *kind[:5], *kind[6:10]) for kind in sums.kinds])
    walls = {"experiment": place.experiment, "stage": place.stage, "rows": json.dumps(list(sums.walls.items()))}
    transaction.run("add_walls", walls)


def add_lost(transaction: Transaction, cause: Cause) -> None:
    """Add the attempts that have just been recorded as lost, before their iterations are queued anew."""
    for statement in ("lose_usage", "lose_usage_total"):
        transaction.run(statement, {"cause": cause})


def _by_kind(attempts: Sequence[Row]) -> Iterator[tuple[str, Sequence[Row]]]:
    """For each end and cause: the end, and the columns of those attempts."""
    columns = list(zip(*attempts, strict=True))
    if columns and len({*columns[_END]}) == len({*columns[_CAUSE]}) == 1:  # as a rule
        yield columns[_END][0], columns
        return
    kinds: dict[tuple[str, str | None], list[Row]] = {}
    for row in attempts:
        kinds.setdefault((row[_END], row[_CAUSE]), []).append(row)
    for (end, _), rows in kinds.items():
        yield end, list(zip(*rows, strict=True))


def _kind(columns: ByName) -> tuple[Any, ...]:
    """Of attempts of one kind, in the order of `add_usage`: how many, what they used, and which was the first."""
    cause = columns["cause"][0] if "cause" in columns else None
    sums = [_of_known(add, columns.get(name, (None,))) for name, add in _SUMS]
    return (columns["end"][0], cause or "", len(columns["variant"]), *sums, *[columns[name][0] for name in _FIRST])


def _of_known(add: Callable[[Iterable[Any]], Any], values: Sequence[Any]) -> Any:
    """What is unknown is left out; when nothing is known, neither is the sum."""
    known = [value for value in values if value is not None] if None in values else values
    return add(known) if known else None
