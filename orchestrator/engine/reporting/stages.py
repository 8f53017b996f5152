"""What each stage of an experiment used: attempts, durations, CPU, memory, bytes, waiting."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from orchestrator.domain.outcome import AttemptEnd
from orchestrator.store.buckets import quantile
from orchestrator.store.times import rfc3339

Row = dict[str, Any]


def of(usage: Sequence[Row], walls: Sequence[Sequence[Any]], *, names: Sequence[str]) -> list[Row]:
    """The stages in file order, also those of which nothing was tried yet. `usage` and `walls` as the store has them."""
    counts: dict[str, dict[int, int]] = {name: {} for name in names}
    for stage, bucket, attempts in walls:
        counts.setdefault(stage, {})[bucket] = attempts
    return [_stage(name, [row for row in usage if row["stage"] == name], walls) for name, walls in counts.items()]


def _stage(name: str, rows: Sequence[Row], walls: dict[int, int]) -> Row:
    attempts = _added(rows, "attempts") or 0
    queue_seconds = _added(rows, "queue_seconds")
    return {
        "stage": name,
        "executors": sorted({row["executor"] for row in rows if row["executor"]}),
        "attempts": {"total": attempts, **{str(end): _ended(rows, end) for end in AttemptEnd}},
        "started": rfc3339(_most(rows, "first_started_us", min)),
        "finished": rfc3339(_most(rows, "last_finished_us", max)),
        "wall_seconds": _durations(rows, walls),
        "cpu_seconds": _added(rows, "cpu_seconds"),
        "cpu_share": _cpu_share(rows),
        "max_rss_bytes": _most(rows, "max_rss_bytes", max),
        "output_bytes": _added(rows, "output_bytes"),
        "read_bytes": _added(rows, "read_bytes"),
        "written_bytes": _added(rows, "written_bytes"),
        "queue_seconds": {
            "total": queue_seconds,
            "mean": queue_seconds / attempts if attempts and queue_seconds is not None else None,
            "max": _most(rows, "longest_queue_seconds", max),
        },
    }


def _ended(rows: Iterable[Row], end: AttemptEnd) -> int:
    return sum(row["attempts"] for row in rows if row["end"] == end)


def _durations(rows: Sequence[Row], walls: dict[int, int]) -> Row:
    longest = _most(rows, "longest_wall_seconds", max)
    return {
        "total": _added(rows, "wall_seconds"),
        "p50": _quantile(walls, 0.5, longest=longest),
        "p95": _quantile(walls, 0.95, longest=longest),
        "max": longest,
    }


def _quantile(walls: dict[int, int], share: float, *, longest: float | None) -> float | None:
    """As it was counted, in steps of 9 %; of so few that only the longest exceeds the others by that share, the longest itself."""
    found, many = quantile(walls, share), sum(walls.values())
    if found is None or longest is None:
        return found
    return longest if share * many > many - 1 else min(found, longest)


def _cpu_share(rows: Iterable[Row]) -> float | None:
    """CPU seconds per wall second, of the kinds of attempts whose CPU seconds are known."""
    known = [row for row in rows if row["cpu_seconds"] is not None and row["wall_seconds"]]
    wall = sum(row["wall_seconds"] for row in known)
    return sum(row["cpu_seconds"] for row in known) / wall if wall else None


def _known(rows: Iterable[Row], name: str) -> list[Any]:
    return [row[name] for row in rows if row[name] is not None]


def _added(rows: Iterable[Row], name: str) -> Any:
    """The sum; None when nothing of it is known."""
    known = _known(rows, name)
    return sum(known) if known else None


def _most(rows: Iterable[Row], name: str, choose: Callable[[Iterable[Any]], Any]) -> Any:
    known = _known(rows, name)
    return choose(known) if known else None
