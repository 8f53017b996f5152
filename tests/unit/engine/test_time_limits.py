"""The time an experiment may take, and the lanes of its stages: what is left, what is used up, what goes on record."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.engine.lanes import Lane
from orchestrator.engine.time_limits import TimeLimits
from tests.support.plans import plan, stage

SECOND_US = 1_000_000
BEGIN_US = 1_700_000_000 * SECOND_US
DOCS = Lane(name="docs", strategy="thread", limit_seconds=300.0)
HEAVY = Lane(name="heavy", strategy="process", limit_seconds=60.0)
ENDLESS = Lane(name="endless", strategy="process")
LANES = {lane.name: lane for lane in (DOCS, HEAVY, ENDLESS)}


def times(*lanes: str, wall: str | None = None) -> TimeLimits:
    """Those of an experiment with a stage in each of these lanes."""
    limits = {} if wall is None else {"wall": wall}
    stages = [stage(f"s{number}", lane=lane) for number, lane in enumerate(lanes)] or [stage()]
    return TimeLimits(replace(plan(*stages, limits=limits), lanes=LANES))


def at(seconds: float) -> int:
    """So long after the beginning."""
    return BEGIN_US + int(seconds * SECOND_US)


def test_a_lane_begins_with_its_first_evaluation_and_that_goes_on_record() -> None:
    """With its limit and until when; the second says nothing, nor does a lane without a limit, nor a stage without a lane."""
    limits = times("docs", "docs", "endless")
    begun = limits.begin(DOCS, now_us=at(0))
    assert begun is not None
    assert (begun.decision.kind, begun.decision.rule) == ("lane", "limit")
    assert begun.decision.message == (
        "lane docs has begun: it may take 300 s in all, until 2023-11-14T22:18:20.000000Z"
    )
    assert begun.decision.result == {"action": "begun", "lane": "docs"}
    assert [limits.begin(lane, now_us=at(1)) for lane in (DOCS, ENDLESS, None)] == [None] * 3


def test_a_lane_that_is_over_is_used_up_while_something_of_it_is_to_be_done() -> None:
    """To the microsecond; what other stages still do is not its affair."""
    limits = times("docs", "heavy")
    limits.begin(DOCS, now_us=at(0))
    assert limits.used_up(at(299.999999), lanes={"docs"}) is None
    over = limits.used_up(at(300), lanes={"docs", "heavy"})
    assert over is not None
    assert (over.reason, over.lane) == ("the 300 s that lane docs may take are used up", "docs")
    assert limits.used_up(at(301), lanes={"heavy"}) is None
    assert (limits.is_over(DOCS, now_us=at(301)), limits.is_over(HEAVY, now_us=at(301))) == (True, False)
    assert not limits.is_over(None, now_us=at(301))


def test_what_is_used_up_goes_on_record_with_its_numbers() -> None:
    """For a lane and for the whole experiment alike."""
    limits = times("docs", wall="10s")
    limits.start(at(0))
    limits.begin(DOCS, now_us=at(1))
    of_all, of_lane = limits.used_up(at(400)), limits._lane("docs", at(400))
    assert of_all is not None
    assert of_lane is not None
    assert (of_all.reason, of_all.decision.rule) == ("the wall time of limits.wall is used up", "wall")
    decision = of_lane.decision
    assert (decision.kind, decision.rule, decision.result) == ("limit", "lane", {"action": "cut", "lane": "docs"})
    assert decision.inputs == {"limit_seconds": 300.0, "since": "2023-11-14T22:13:21.000000Z"}
    assert decision.message.endswith("are used up: what runs and waits is cancelled")


@pytest.mark.parametrize(
    ("wall", "lanes", "now", "left"),
    [
        (None, (), 100.0, None),
        ("150s", (), 100.0, 50.0),
        ("150s", (), 200.0, 0.0),
        (None, (DOCS,), 100.0, 200.0),
        (None, (DOCS, HEAVY), 50.0, 10.0),
        (None, (DOCS, HEAVY), 60.0, 240.0),
        (None, (DOCS, HEAVY), 900.0, None),
        ("150s", (DOCS, HEAVY), 70.0, 80.0),
    ],
)
def test_the_next_limit_is_what_is_waited_for(
    wall: str | None, lanes: tuple[Lane, ...], now: float, left: float | None
) -> None:
    """A lane whose time is over is not waited for again: whatever begins in it later says so by itself."""
    limits = times("docs", "heavy", wall=wall)
    limits.start(at(0))
    for lane in lanes:
        limits.begin(lane, now_us=at(0))
    assert limits.seconds_left(at(now)) == left


def test_a_lane_goes_on_from_its_record() -> None:
    """Over restarts of the daemon its time runs; what is run again after an end has time of its own."""
    limits = times("docs", "heavy")
    facts = {
        "reopened_us": at(6),
        "ended_us": at(5),
        "pauses": [],
        "lanes": [["docs", at(10), None], ["heavy", at(1), at(2)], ["gone", at(10), None]],
    }
    assert limits.recall(facts) is None
    assert limits.begin(DOCS, now_us=at(400)) is None
    assert limits.is_over(DOCS, now_us=at(400))
    assert limits.begin(HEAVY, now_us=at(400)) is not None
    assert not limits.is_over(HEAVY, now_us=at(401))


def test_what_was_cut_short_ends_by_that_limit_whoever_leads_it() -> None:
    """A daemon that comes after the cut knows of it; one that comes after another opening does not."""
    limits = times("docs")
    assert limits.recall(
        {"reopened_us": None, "ended_us": None, "pauses": [], "lanes": [["docs", at(0), at(300)]]}
    ) == ("the 300 s that lane docs may take are used up")
    assert (
        limits.recall({"reopened_us": None, "ended_us": None, "pauses": [], "lanes": [["docs", at(400), at(300)]]})
        is None
    )
    assert (
        limits.recall({"reopened_us": None, "ended_us": at(301), "pauses": [], "lanes": [["docs", at(0), at(300)]]})
        is None
    )


def test_the_time_of_an_experiment_counts_from_where_it_was_opened_again() -> None:
    """Not while it goes on for the first time."""
    for reopened_us, used_up in ((None, True), (at(250), False), (at(0), True)):
        limits = times(wall="300s")
        limits.start(at(0))
        limits.recall({"reopened_us": reopened_us, "ended_us": None, "pauses": [], "lanes": []})
        assert (limits.used_up(at(301)) is not None) == used_up


def test_a_round_that_could_not_run_has_no_time() -> None:
    """A lane that is over leaves none for another round, though nothing of it waits."""
    limits = times("docs")
    assert limits.no_time(at(0)) is None
    limits.begin(DOCS, now_us=at(0))
    assert limits.no_time(at(299)) is None
    assert limits.no_time(at(300)) == "the 300 s that lane docs may take are used up"


def test_while_it_is_paused_no_time_passes() -> None:
    """Neither the experiment's nor a lane's, and nobody waits for its end; what was paused before a lane has begun is none of its time."""
    limits = times("docs", wall="600s")
    limits.start(at(0))
    limits.pause(at(10))
    assert limits.seconds_left(at(5000)) is None
    limits.resume(at(1010))
    assert limits.seconds_left(at(1010)) == 590
    limits.begin(DOCS, now_us=at(1020))
    limits.pause(at(1030))
    assert limits.used_up(at(9000), lanes=["docs"]) is None
    limits.resume(at(2030))
    assert [limits.is_over(DOCS, now_us=at(then)) for then in (2319, 2320)] == [False, True]
    assert [limits.used_up(at(then)) is not None for then in (2599, 2600)] == [False, True]


@pytest.mark.parametrize(
    ("pauses", "over_at"),
    [
        ([], 300),
        ([["pause", at(10)], ["resume", at(110)], ["pause", at(200)], ["resume", at(210)]], 410),
        ([["pause", at(10)], ["retry", at(110)]], 400),
        ([["resume", at(10)]], 300),
    ],
)
def test_pauses_are_recalled(pauses: list[list[Any]], over_at: int) -> None:
    """By the next daemon. One that ended with its experiment lasts no longer than that; one begun by an older daemon is not on record."""
    limits = times(wall="300s")
    limits.start(at(0))
    limits.recall({"reopened_us": None, "ended_us": None, "pauses": pauses, "lanes": []})
    assert [limits.used_up(at(then)) is not None for then in (over_at - 1, over_at)] == [False, True]


def test_what_is_paused_over_a_restart_has_all_its_time_left() -> None:
    """Its pause is open on record."""
    limits = times(wall="300s")
    limits.start(at(0))
    limits.recall({"reopened_us": None, "ended_us": None, "pauses": [["pause", at(10)]], "lanes": []})
    limits.resume(at(100_000))
    assert limits.seconds_left(at(100_000)) == 290
