"""Claims about the sums over attempts: whatever is written in whatever pieces, they equal what adding up all attempts gives."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.states import Cause
from orchestrator.store.buckets import at_least, counted, quantile
from orchestrator.store.changes.usage import ATTEMPT_COLUMNS as COLUMNS
from orchestrator.store.changes.usage import SHARED_COLUMNS, Place, add_usage, sums_of
from orchestrator.store.sql import rows_of
from orchestrator.store.store import open_store
from orchestrator.store.writer import Transaction
from tests.support.records import add_experiment


def attempt(variant: int = 1, end: str = "succeeded", cause: str | None = None, **known: Any) -> tuple[Any, ...]:
    """A row as `add_attempts` takes it; what is not named is unknown."""
    place = {"variant": variant, "iteration": 1, "number": 1}
    facts = {**dict.fromkeys(COLUMNS), **place, "end": end, "cause": cause, **known}
    return tuple(facts[name] for name in COLUMNS)


@dataclass(frozen=True)
class Add:
    """A change that adds attempts to the sums."""

    attempts: Sequence[tuple[Any, ...]]
    stage: str = "main"

    def apply(self, transaction: Transaction) -> None:
        """Add them."""
        add_usage(transaction, Place(1, self.stage, "process"), sums_of(self.attempts))


def test_the_shared_columns_stand_first() -> None:
    """What all attempts of a batch have in common comes before what each has, as writing many rows wants it."""
    assert rows_of("add_attempts")[:2] == SHARED_COLUMNS


def test_attempts_are_added_up_by_how_they_ended() -> None:
    """Of two successes and a failure there are two kinds, each with its count, its sums and its first attempt."""
    rows = [
        attempt(3, wall_seconds=1.0, read_bytes=10),
        attempt(4, "failed", "raised", wall_seconds=0.5),
        attempt(5, wall_seconds=2.0, read_bytes=None, max_rss_bytes=7),
    ]
    succeeded, failed = sums_of(rows).kinds

    assert succeeded[:9] == ("succeeded", "", 2, 3.0, None, 7, None, 10, None)
    assert succeeded[10] == 2.0
    assert succeeded[-3:] == (3, 1, 1)
    assert failed[:4] == ("failed", "raised", 1, 0.5)


@pytest.mark.asyncio
async def test_sums_equal_what_adding_up_all_attempts_gives(tmp_path: Path) -> None:
    """In one piece, in pieces, and over two stages: sums and totals are the same; what is unknown adds nothing."""
    rows = [
        attempt(number, *end, wall_seconds=number / 8, queue_seconds=0.5, read_bytes=None if number % 3 else 512)
        for number in range(1, 50)
        for end in [("succeeded", None) if number % 4 else ("failed", str(Cause.SIGNALLED))]
    ]
    async with open_store(tmp_path / "orchestrator.db") as store:
        await add_experiment(store)
        for piece in (rows[:1], rows[1:20], rows[20:]):
            await store.writer.write(Add(piece))
        await store.writer.write(Add(rows, stage="second"))
        sums = await store.views.read("usage_rows", {"experiment": 1})
        walls = await store.views.read("usage_walls", {"experiment": 1})
        totals = await store.views.read("usage_totals")
        shown = (await store.views.experiment(1))["usage"]

    found = {(row["stage"], row["end"]): row for row in sums}
    for stage in ("main", "second"):
        for end in ("succeeded", "failed"):
            mine = [dict(zip(COLUMNS, row, strict=True)) for row in rows if row[COLUMNS.index("end")] == end]
            row = found[stage, end]
            assert row["attempts"] == len(mine)
            assert row["wall_seconds"] == math.fsum(one["wall_seconds"] for one in mine)
            assert row["read_bytes"] == sum(one["read_bytes"] or 0 for one in mine)
            assert row["longest_wall_seconds"] == max(one["wall_seconds"] for one in mine)
            assert row["first"] == f"1.{mine[0]['variant']}.1"
    assert sum(count for _, _, count in walls) == 2 * len(rows)
    assert sum(row["attempts"] for row in totals) == 2 * len(rows) == shown["attempts"]
    assert shown["queue_seconds"] == len(rows)
    assert (shown["cpu_seconds"], shown["max_rss_bytes"]) == (None, None)


@given(st.floats(1e-9, 1e9))
def test_a_bucket_is_narrow(seconds: float) -> None:
    """The middle of a duration's bucket is the duration, to within five per cent."""
    middle = quantile(counted([seconds]), 0.5)

    assert middle is not None
    assert abs(middle - seconds) <= 0.05 * seconds


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_quantiles_are_those_of_the_durations(durations: list[float], share: float) -> None:
    """The median and the 95th percentile from the counts are those of the list, to within five per cent."""
    exact = sorted(durations)[max(0, math.ceil(share * len(durations)) - 1)]
    found = quantile(counted(durations), share)

    assert found is not None
    assert abs(found - exact) <= 0.05 * exact


def test_nothing_has_no_quantile() -> None:
    """Without durations there is no median."""
    assert quantile({}, 0.5) is None


@given(st.lists(st.floats(1e-6, 1e6), max_size=50), st.floats(1e-6, 1e6))
def test_what_is_surely_long_is_never_short(durations: list[float], limit: float) -> None:
    """Counted are at most those that are that long, and all that are 10 % longer."""
    found = at_least(counted(durations), limit)
    assert (
        sum(seconds >= 1.1 * limit for seconds in durations) <= found <= sum(seconds >= limit for seconds in durations)
    )
