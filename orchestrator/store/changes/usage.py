"""What attempts used, added to the sums of their experiment, stage and executor in the transaction that writes the attempts."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from orchestrator.domain.outcome import AttemptEnd
from orchestrator.store.buckets import counted
from orchestrator.store.sql import rows_of
from orchestrator.store.writer import Transaction

_AT = {name: position for position, name in enumerate(rows_of("add_attempts"))}
_END, _CAUSE, _WALL = _AT["end"], _AT["cause"], _AT["wall_seconds"]
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


class Place(NamedTuple):
    """Where attempts ran that are added together."""

    experiment: int
    stage: str
    executor: str


def add_usage(transaction: Transaction, place: Place, attempts: Sequence[Row]) -> None:
    """Add the rows of attempts of one place, as `add_attempts` takes them."""
    if not attempts:
        return
    kinds = sums_by_kind(attempts)
    transaction.run_rows("add_usage", [(*place, *kind) for kind in kinds])
    transaction.run_rows("add_usage_total", [(place.executor, *kind[:5], *kind[6:10]) for kind in kinds])
    walls = counted(row[_WALL] for row in attempts if row[_WALL] is not None and row[_END] in _LASTING)
    transaction.run_rows("add_walls", [(*place[:2], bucket, count) for bucket, count in walls.items()])


def sums_by_kind(attempts: Sequence[Row]) -> list[tuple[Any, ...]]:
    """For each end and cause: how many, what they used in the order of `add_usage`, and which was the first."""
    kinds: dict[tuple[str, str], list[Row]] = {}
    for row in attempts:
        kinds.setdefault((row[_END], row[_CAUSE] or ""), []).append(row)
    return [(*kind, len(rows), *_sums(rows)) for kind, rows in kinds.items()]


def _sums(rows: Sequence[Row]) -> tuple[Any, ...]:
    columns = list(zip(*rows, strict=True))
    return (*(_of_known(add, columns[_AT[name]]) for name, add in _SUMS), *(rows[0][_AT[name]] for name in _FIRST))


def _of_known(add: Callable[[Iterable[Any]], Any], values: Sequence[Any]) -> Any:
    """What is unknown is left out; when nothing is known, neither is the sum."""
    known = [value for value in values if value is not None] if None in values else values
    return add(known) if known else None
