"""What attempts used, added to the sums of their experiment, stage and executor in the transaction that writes the attempts."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
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
_END, _CAUSE, _WALL = _AT["end"], _AT["cause"], _AT["wall_seconds"]
_LASTING = (AttemptEnd.SUCCEEDED.value, AttemptEnd.FAILED.value)
_FIRST = tuple(_AT[name] for name in ("variant", "iteration", "number"))
_SUMS: tuple[tuple[int, Callable[[Iterable[Any]], Any]], ...] = (
    (_AT["wall_seconds"], sum),
    (_AT["cpu_seconds"], sum),
    (_AT["max_rss_bytes"], max),
    (_AT["output_bytes"], sum),
    (_AT["read_bytes"], sum),
    (_AT["written_bytes"], sum),
    (_AT["queue_seconds"], sum),
    (_AT["wall_seconds"], max),
    (_AT["queue_seconds"], max),
    (_AT["started_us"], min),
    (_AT["finished_us"], max),
)

Row = Sequence[Any]


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
    if not attempts:
        return Sums((), {})
    walls = counted([row[_WALL] for row in attempts if row[_WALL] and row[_END] in _LASTING])
    return Sums(sums_by_kind(attempts), walls)


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


def sums_by_kind(attempts: Sequence[Row]) -> list[tuple[Any, ...]]:
    """For each end and cause: how many, what they used in the order of `add_usage`, and which was the first."""
    columns = list(zip(*attempts, strict=True))
    if len({*columns[_END]}) == len({*columns[_CAUSE]}) == 1:  # as a rule
        return [_kind(columns)]
    kinds: dict[tuple[str, str | None], list[Row]] = {}
    for row in attempts:
        kinds.setdefault((row[_END], row[_CAUSE]), []).append(row)
    return [_kind(list(zip(*rows, strict=True))) for rows in kinds.values()]


def _kind(columns: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """Of attempts of one kind, column by column."""
    sums = [_of_known(add, columns[place]) for place, add in _SUMS]
    first = [columns[place][0] for place in _FIRST]
    return (columns[_END][0], columns[_CAUSE][0] or "", len(columns[0]), *sums, *first)


def _of_known(add: Callable[[Iterable[Any]], Any], values: Sequence[Any]) -> Any:
    """What is unknown is left out; when nothing is known, neither is the sum."""
    known = [value for value in values if value is not None] if None in values else values
    return add(known) if known else None
