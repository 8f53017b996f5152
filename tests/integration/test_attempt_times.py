"""What is on record of the times of attempts, in a real daemon: each its own, whatever it waited for and however it ended."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.support.daemon import Orc, private_orc

MODEL = """
import time
def evaluate(params):
    if params["x"] == "fails":
        time.sleep(0.05)
        raise ValueError("soon")
    if params["x"].startswith("hangs"):
        time.sleep(3600)
    time.sleep(0.1 if params["x"].startswith("quick") else 0.4)
    return 1.0
"""


@pytest.fixture(scope="module")
def orc() -> Iterator[Orc]:
    """One daemon for all."""
    with private_orc() as shared:
        settings = shared.home / ".config" / "orchestrator"
        settings.mkdir(parents=True)
        (settings / "orchestrator.toml").write_text("slots = 2\ncpu_percent = 100\n")
        yield shared


def attempts(orc: Orc, name: str, *values: str, stage: str = 'executor = "process"', most: int) -> list[dict[str, Any]]:
    """The only attempt of each evaluation, once all have ended."""
    folder = orc.home / name
    folder.mkdir()
    (folder / "model.py").write_text(MODEL)
    space = f"[space]\nx = {list(values)}\n[limits]\nmax_parallel = {most}\n"
    (folder / "experiment.toml").write_text(f'[stage]\ncall = "model:evaluate"\n{stage}\n{space}')
    ref = orc("submit", str(folder)).out.strip()
    orc("wait", ref, "--timeout", "30")
    iterations = [orc("show", f"{ref}.{number}.1", "--json").json for number in range(1, len(values) + 1)]
    return [attempt for iteration in iterations for attempt in iteration["attempts"]]


def lasted_seconds(attempt: dict[str, Any]) -> float:
    """From its start to its end."""
    started, finished = (datetime.fromisoformat(attempt[name]) for name in ("started", "finished"))
    return (finished - started).total_seconds()


def test_time_in_the_queue_is_no_part_of_an_attempt(orc: Orc) -> None:
    """A failure of 0.05 s behind a success of 0.4 s took 0.05 s; start and end of both are their own, and by which process is known."""
    slow, failed = attempts(orc, "queued", "slow", "fails", most=1)
    assert (slow["end"], failed["end"], failed["cause"]) == ("succeeded", "failed", "raised")
    assert 0.05 <= failed["wall_seconds"] < 0.3 <= failed["queue_seconds"]
    for attempt in (slow, failed):
        assert lasted_seconds(attempt) == pytest.approx(attempt["wall_seconds"], abs=0.001)
        assert attempt["pid"] > 0
    assert failed["started"] >= slow["finished"]


def test_time_in_the_queue_of_a_process_is_waiting_too(orc: Orc) -> None:
    """All are ready at once: what begins later has waited longer by just that, also what was sent to wait in the process."""
    values = [f"quick {number}" for number in range(8)]
    in_turn = attempts(orc, "behind", *values, stage='executor = "sequential"', most=8)
    first = min(in_turn, key=lambda attempt: str(attempt["started"]))
    for attempt in in_turn:
        later = datetime.fromisoformat(attempt["started"]) - datetime.fromisoformat(first["started"])
        longer = attempt["queue_seconds"] - first["queue_seconds"]
        assert longer == pytest.approx(later.total_seconds(), abs=0.03)


def test_what_hangs_is_ended_side_by_side_with_its_times_and_words(orc: Orc) -> None:
    """Of three with a limit of half a second each has its own: the third, which waits for a slot, is not charged for that."""
    hung = attempts(
        orc, "hung", "hangs 1", "hangs 2", "hangs 3", stage='executor = "process"\ntimeout = "500ms"', most=2
    )
    for attempt in hung:
        assert (attempt["end"], attempt["cause"]) == ("failed", "timed_out")
        assert "longer than its timeout of 0.5 s" in attempt["error"]
        assert 0.5 <= attempt["wall_seconds"] < 2.0
        assert lasted_seconds(attempt) == pytest.approx(attempt["wall_seconds"], abs=0.001)
    first, second, third = hung
    assert second["started"] < first["finished"]
    assert third["queue_seconds"] >= 0.5
