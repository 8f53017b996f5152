"""Progress in lines: enough to see it move, not one more."""

from typing import Any

import pytest
from rich.console import Console

from orchestrator.cli.follow import Sparing, plain_line
from orchestrator.cli.live import Screen
from orchestrator.cli.results import result_line


def snapshot(**changes: Any) -> dict[str, Any]:
    """A snapshot in the middle of a run."""
    counts = {"total": 20, "succeeded": 8, "failed": 1, "running": 2, "queued": 9, "cancelled": 0}
    return {
        "ref": "12",
        "name": "rsi",
        "state": "running",
        "phase": "evaluating",
        "reason": None,
        "round": 2,
        "max_rounds": 5,
        "variants": {"total": 10, "finished": 4, "failed": 1},
        "round_variants": {"total": 5, "finished": 1},
        "iterations": counts,
        "cases": [{"case": "calm", "total": 10, "finished": 5}],
        "elapsed_seconds": 61.0,
        "eta_seconds": 75.0,
        "best": {"ref": "12.3", "params": {"x": 1}, "metrics": {"sharpe": 1.25}, "score": 0.8},
        "running": ["12.6.1", "12.7.1"],
        **changes,
    }


def test_a_line_says_how_far_it_is() -> None:
    """Round, phase, evaluations, failures, the best, elapsed, left."""
    assert plain_line(snapshot()) == (
        "12 rsi: round 2 of 5, evaluating, 9/20 evaluations, 1 failed, best 12.3 sharpe=1.25, 1 min 1 s, about 1 min 15 s left"
    )


def test_what_nothing_runs_for_is_told_and_worth_a_line() -> None:
    """In a line and in the picture the reason stands in words; a number in it that changes is no news."""
    waits = [{"reason": "memory", "message": "90 % of the memory is in use"}]
    sparing, waiting = Sparing(), snapshot(running=[], waits=waits)
    other = [{"reason": "memory", "message": "91 % of the memory is in use"}]

    assert plain_line(waiting).endswith("left; waits: 90 % of the memory is in use")
    assert "waits  90 % of the memory is in use" in drawn(waiting)
    assert [sparing.worth(snapshot(waits=each), now=100.0) for each in ([], waits, other, [])] == [
        True,
        True,
        False,
        True,
    ]


def test_a_line_is_worth_it_when_something_changed_and_lines_are_few() -> None:
    """Five at once, then one a second; a change of state is always worth it."""
    sparing = Sparing()
    assert [sparing.worth(snapshot(round=number), now=100.0) for number in range(1, 7)] == [True] * 5 + [False]
    assert not sparing.worth(snapshot(round=5), now=100.5)
    assert [sparing.worth(snapshot(round=number), now=101.0) for number in (7, 8)] == [True, False]
    assert sparing.worth(snapshot(round=8, state="paused"), now=101.0)


def test_the_result_is_one_line() -> None:
    """State, time, evaluations, failures, reason."""
    ended = snapshot(state="abandoned", reason="all rounds are used up (5)")
    assert result_line(ended) == "12 rsi abandoned in 1 min 1 s: 9 evaluations, 1 failed (all rounds are used up (5))"


def test_what_was_cancelled_is_no_result() -> None:
    """What was cut short or pruned is told beside what has failed."""
    counts = {"total": 12, "succeeded": 2, "failed": 1, "running": 0, "queued": 0, "cancelled": 9}
    ended = snapshot(state="succeeded", reason=None, iterations=counts, elapsed_seconds=4.0)
    assert result_line(ended) == "12 rsi succeeded in 4 s: 3 evaluations, 1 failed, 9 cancelled"


def drawn(of: dict[str, Any], *, columns: int = 100) -> str:
    """What is on the screen, as text."""
    screen, console = Screen(), Console(width=columns, force_terminal=False, color_system=None)
    screen.take(of)
    with console.capture() as capture:
        console.print(screen.draw(columns))
    return capture.get()


def test_the_picture_has_every_level() -> None:
    """Rounds, this round's variants, each case, all evaluations, elapsed and left, the best, what runs."""
    picture = drawn(snapshot(state="paused"))
    for words in ("rounds", "2/5", "variants of this round", "1/5", "case calm", "5/10", "9/20", "1 failed"):
        assert words in picture
    assert "elapsed 1 min 1 s" in picture
    assert "about 1 min 15 s left" in picture
    assert "best 12.3" in picture
    assert "runs 12.6.1 12.7.1" in picture


def test_the_picture_stands_what_is_not_known_yet() -> None:
    """Before the first round there is no total, no best, no estimate."""
    nothing = dict.fromkeys(("total", "succeeded", "failed", "running", "queued", "cancelled"), 0)
    picture = drawn(
        snapshot(
            state="queued",
            round=None,
            round_variants=None,
            iterations=nothing,
            cases=[],
            best=None,
            eta_seconds=None,
            running=[],
        )
    )
    assert "0/?" in picture


def test_a_name_cannot_steer_the_terminal() -> None:
    """Nor can it write markup."""
    assert "\\x1b[31m[red]x" in drawn(snapshot(name="\x1b[31m[red]x"))


@pytest.mark.parametrize("columns", [60, 48])
def test_a_narrow_terminal_takes_of_the_bars_and_not_of_the_numbers(columns: int) -> None:
    """Every count and the failures can be read, and no line is longer than the terminal is wide."""
    picture = drawn(snapshot(), columns=columns)
    for words in ("1/5", "5/10", "9/20", "1 failed"):
        assert words in picture
    assert max(map(len, picture.splitlines())) <= columns
    none_failed = {**snapshot()["iterations"], "failed": 0}
    without = drawn(snapshot(iterations=none_failed), columns=columns)
    assert len(without.splitlines()) == len(picture.splitlines())
    assert "variants of this round " in without
