"""What a person sees of reports and costs."""

import io
from typing import Any

from rich.console import Console

from orchestrator.cli.live import Screen
from orchestrator.cli.tree import Drawing, iteration_lines, variant_lines

PLAIN = Drawing(colour=False, columns=None)
COUNTS = {"total": 3, "succeeded": 1, "failed": 0, "running": 1, "queued": 1, "cancelled": 0}


def test_an_iteration_shows_what_it_reported_last_and_what_it_cost() -> None:
    """A line a report, below its attempts."""
    attempt: dict[str, Any] = {"attempt": 1, "end": "succeeded", "wall_seconds": 2.0, "cost_usd": 0.25, "tokens": 10}
    reports = [{"step": 3, "metrics": {"loss": 0.5}}, {"step": 4, "metrics": {}}]
    row = {"ref": "1.3.1", "stage": "main", "state": "succeeded", "attempts": [attempt], "reports": reports}
    lines = iteration_lines(row, PLAIN)
    assert lines[-2].strip() == "step 3  loss=0.5"
    assert lines[-1].strip().startswith("step 4")
    assert "0.25 USD, 10 tokens" in lines[-3]


def test_live_progress_shows_the_last_report_of_what_runs() -> None:
    """With its step, beside the refs."""
    report = {"ref": "1.2.1", "step": 12, "metrics": {"loss": 0.31}}
    screen, out = Screen(), io.StringIO()
    screen.take(
        {"ref": "1", "name": "one", "state": "running", "iterations": COUNTS, "running": ["1.2.1"], "reports": [report]}
    )
    Console(file=out, width=100).print(screen.draw(100))
    assert "1.2.1 at step 12  loss=0.31" in out.getvalue()


def test_several_experiments_are_a_line_each() -> None:
    """In the order of their numbers; what has ended is gone, and the last one left has the whole picture."""

    def drawn(screen: Screen, *snapshots: dict[str, Any]) -> list[str]:
        for each in snapshots:
            screen.take(each)
        out = io.StringIO()
        Console(file=out, width=60).print(screen.draw(60))
        return out.getvalue().splitlines()

    ten, nine = (
        {"ref": ref, "name": "one", "state": "running", "round": 1, "phase": "evaluating", "iterations": COUNTS}
        for ref in ("10", "9")
    )
    screen = Screen()
    both = drawn(screen, ten, nine)
    assert [line.split(",")[0] for line in both] == ["9 one: round 1", "10 one: round 1"]
    left = drawn(screen, {**nine, "state": "succeeded"})
    assert left[0].startswith("10 one  running")
    assert not any(line.startswith("9 ") for line in left)


def test_what_was_pruned_or_cancelled_says_so_once() -> None:
    """The cause is not put before an error that begins with it, nor the state behind itself as its rule; a long attempt is folded."""
    iteration = {"ref": "1.7.1", "stage": "main", "state": "cancelled", "cause": "pruned", "error": "pruned by median"}
    variant = {"ref": "1.7", "state": "pruned", "rule": "median", "params": {"x": 30}, "iterations": [iteration]}
    pruned = variant_lines(variant, PLAIN, brief=True)
    cancelled = variant_lines({**variant, "state": "cancelled", "rule": "cancelled"}, PLAIN, brief=True)
    attempt = {"attempt": 1, "end": "cancelled", "executor": "process", "wall_seconds": 2.0, "read_bytes": 0}
    narrow = iteration_lines({**iteration, "attempts": [attempt]}, Drawing(colour=False, columns=40))

    assert pruned[0].endswith("by median")
    assert pruned[1].endswith("cancelled  pruned by median")
    assert "by cancelled" not in cancelled[0]
    assert max(map(len, narrow)) <= 40
