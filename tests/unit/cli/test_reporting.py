"""Claims about the parts of a report as a person sees them."""

from typing import Any

import pytest

from orchestrator.cli import reporting
from orchestrator.cli.tree import Drawing

PLAIN = Drawing(colour=False, columns=None)


def stage(name: str = "main", **more: Any) -> dict[str, Any]:
    """A stage of which twenty attempts are known."""
    numbers = {"cpu_share": 0.5, "max_rss_bytes": 20 << 20, "read_bytes": None, "written_bytes": 0}
    wall = {"total": 4.0, "p50": 0.2, "p95": 0.3, "max": 0.35}
    queue = {"total": 1.0, "mean": 0.05, "max": 0.2}
    attempts = {"total": 20, "failed": 2}
    lists = {"stage": name, "executors": ["process"], "attempts": attempts}
    return {**lists, "wall_seconds": wall, "queue_seconds": queue, **numbers, **more}


def failure(**more: Any) -> dict[str, Any]:
    """Two attempts that raised."""
    first = {"ref": "1.7.1", "attempt": 1, "error": "Traceback\nValueError: \x1b[31mno"}
    return {"stage": "main", "cause": "raised", "attempts": 2, "first": first, "advice": "mend it", **more}


def test_a_stage_is_a_row() -> None:
    """Durations, the share of CPU, sizes; what is unknown is a dash, and what is known to be nothing is 0 B."""
    _, headers, row = reporting.stages({"stages": [stage()]}, drawing=PLAIN)

    assert headers.split() == list(reporting.STAGE_COLUMNS)
    assert row.split("  ")[0] == "main"
    for words in ("0.2 s", "0.3 s", "0.35 s", "50 %", "20 MiB", "50 ms", "-", "0 B"):
        assert words in row


@pytest.mark.parametrize("columns", [40, 60])
def test_a_narrow_terminal_gets_lines_instead_of_a_row(columns: int) -> None:
    """No number is lost, and no line is broken."""
    lines = reporting.stages({"stages": [stage(), stage("second")]}, drawing=Drawing(colour=False, columns=columns))

    assert max(map(len, lines)) <= columns
    assert "main by process" in lines
    assert "second by process" in lines
    assert "median 0.2 s" in " ".join(lines)
    assert "wrote 0 B" in " ".join(lines)


def test_failures_show_their_first_error_and_what_to_do_while_something_is_failed() -> None:
    """The last line of the first error, harmless to the terminal, and the advice; none when retries have made up for all of it."""
    report = {"iterations": {"failed": 1}, "failures": [failure()]}
    lines = reporting.failures(report, drawing=PLAIN)
    later = reporting.failures({**report, "iterations": {"failed": 0}}, drawing=PLAIN)

    assert lines[1:] == [
        "failed attempts",
        "  main: 2 attempts raised, first 1.7.1: ValueError: \\x1b[31mno",
        "    → mend it",
    ]
    assert later[1] == "failed attempts, all made up for by later attempts"
    assert "    → mend it" not in later
    assert reporting.failures({"iterations": {"failed": 0}, "failures": []}, drawing=PLAIN) == []


def test_one_round_is_not_listed() -> None:
    """It is the experiment itself."""
    row = {"round": 1, "proposals": 4, "best_objective": 0.5, "decided": None}

    assert reporting.rounds({"rounds": [row]}, drawing=PLAIN) == []
    assert reporting.rounds({"rounds": [row, row]}, drawing=PLAIN)[-1].split() == ["1", "4", "0.5", "-"]


@pytest.mark.parametrize("columns", [40, 80])
def test_the_head_fits_a_terminal_and_says_what_it_cost(columns: int) -> None:
    """What was used goes on below itself; the cost has a line of its own, and none when nothing was told of it."""
    used = {"attempts": 25, "wall_seconds": 3.5, "cpu_seconds": 1.0, "max_rss_bytes": 20 << 20, "read_bytes": 0}
    iterations = {"total": 25, "succeeded": 20, "failed": 5, "cancelled": 0, "running": 0, "queued": 0}
    counts = {"round": 2, "variant_count": 25, "variants": {"evaluated": 20, "failed": 5}, "iterations": iterations}
    times = {"started": "2026-01-01T00:00:00.000000Z", "finished": "x", "elapsed_seconds": 7.0}
    report = {"id": 1, "name": "one", "state": "succeeded", "reason": None, "best": None, **counts, **times}
    report |= {"usage": {**used, "written_bytes": 0}, "cost_usd": 0.02, "tokens": 1200}
    lines = reporting.outcome(report, drawing=Drawing(colour=False, columns=columns))
    free = reporting.outcome({**report, "cost_usd": None, "tokens": None}, drawing=PLAIN)

    assert max(len(line) for line in lines if "started" not in line) <= columns
    assert "  cost     0.02 USD, 1200 tokens" in lines
    assert not [line for line in free if "cost" in line]
