"""The part of the report on how stages ran: from rows as the store has them to one document of strict JSON."""

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.engine.lanes import Lane
from orchestrator.engine.reporting.execution import MOST_BARS, Floor, Read, of
from orchestrator.engine.reporting.history import Before
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.store.buckets import counted

MOMENT_US = 1_700_000_000_000_000
LANES = {"quick": Lane(name="quick", strategy="thread", limit_seconds=1.0)}
LANE_TIMES: dict[str, Any] = {"ended_us": None, "pauses": [], "lanes": []}
FLOOR = Floor(cores=2, memory_bytes=1 << 30, slots=2, threads=4, lanes=LANES)
SPEC = ExperimentSpec.model_validate(
    {
        "name": "two",
        "stage": [
            {"name": "a", "call": "m:a", "sla": "0.5s", "lane": "quick"},
            {"name": "b", "call": "m:b", "after": ["a"], "lane": "quick"},
        ],
        "space": {"x": [1, 2]},
    }
)


def attempt(variant: int, iteration: int, *, stage: str, at: float, wall: float, **more: Any) -> list[Any]:
    """A row of `attempt_runs`; times in seconds from some moment."""
    facts: dict[str, Any] = {"end": "succeeded", "cause": None, "executor": "process", "cpu": wall / 2, **more}
    started = MOMENT_US + int(at * 1e6)
    row = [variant, iteration, 1, stage, facts["end"], facts["cause"], facts["executor"], 7]
    return [*row, started, started + int(wall * 1e6), wall, facts["cpu"], None, 0, 0.0]


def told(*attempts: list[Any], floor: Floor = FLOOR, **more: Any) -> dict[str, Any]:
    """The part for these attempts."""
    nothing = {"before": (), "profiles": {}, "usage": (), "walls": (), "lane_times": LANE_TIMES}
    return of(Read(**{"spec": SPEC, "attempts": attempts, **nothing, **more}), floor)


def used(stage: str, first: float, last: float, **more: Any) -> dict[str, Any]:
    """A row of `usage_rows`; times in seconds from some moment."""
    times = {"first_started_us": MOMENT_US + int(first * 1e6), "last_finished_us": MOMENT_US + int(last * 1e6)}
    sums = {"attempts": 2, "wall_seconds": 1.0, "cpu_seconds": 0.45, "longest_wall_seconds": 0.6}
    return {"stage": stage, "end": "succeeded", **times, **sums, **more}


ROWS = (
    attempt(1, 1, stage="a", at=0.0, wall=0.4),
    attempt(2, 1, stage="a", at=0.0, wall=0.6),
    attempt(1, 2, stage="b", at=0.4, wall=0.4),
    attempt(2, 2, stage="b", at=0.6, wall=0.4),
)


def test_figures_come_from_the_runs_own_times() -> None:
    """Wall from the first start to the last end, work as the sum, the longest chain of one variant as the critical path, either stage free."""
    figures = told(*ROWS)["figures"]
    assert abs(figures["wall_seconds"] - 1.0) < 1e-6
    assert abs(figures["work_seconds"] - 1.8) < 1e-6
    assert abs(figures["cpu_seconds"] - 0.9) < 1e-6
    assert figures["critical_path"] == ["a", "b"]
    assert abs(figures["critical_path_seconds"] - 1.0) < 1e-6
    assert abs(figures["utilisation"]["process"] - 0.9) < 1e-6
    assert told(*ROWS)["walls_if_free"] == {"a": pytest.approx(0.4), "b": pytest.approx(0.6)}
    assert "thread" not in figures["utilisation"] or figures["utilisation"]["thread"] in (0.0, None)


def test_limits_of_stages_are_looked_at() -> None:
    """One of two runs of a took longer than half a second."""
    (stage,) = (row for row in told(*ROWS)["sla"]["stages"] if row["stage"] == "a")
    assert (stage["misses"], stage["runs"], stage["worst"]) == (1, 2, "missed")


def test_of_more_attempts_than_are_read_none_is_overlooked() -> None:
    """A thousand ran, two are read: the longest is known exactly, the others in steps of 9 %, and what is surely above the limit has missed it."""
    durations = [0.1] * 990 + [0.55] * 4 + [0.7] * 5 + [4.0]
    walls = [("a", bucket, count) for bucket, count in counted(durations).items()]
    usage = [used("a", 0.0, 300.0, attempts=1000, longest_wall_seconds=4.0), used("a", 0.0, 9.0, end="cancelled")]
    (stage,) = (row for row in told(*ROWS, usage=usage, walls=walls)["sla"]["stages"] if row["stage"] == "a")
    assert (stage["runs"], stage["misses"], stage["worst_seconds"], stage["worst"]) == (1000, 10, 4.0, "missed")
    assert stage["p95_seconds"] == pytest.approx(0.1, rel=0.05)
    assert stage["p95"] == "met"


def test_a_lane_is_looked_at_from_its_beginning_to_its_last_end() -> None:
    """Of all evaluations, however many: both stages together took the whole second that their lane has; later they take a day."""
    usage = [used("a", 0.0, 0.6), used("b", 0.4, 0.99), used("b", 0.4, 0.8, end="failed", attempts=1, cpu_seconds=None)]
    (lane,) = told(*ROWS, usage=usage)["sla"]["lanes"]
    assert (lane["lane"], lane["stages"], lane["runs"], lane["verdict"]) == ("quick", ["a", "b"], 5, "warning")
    assert lane["cpu_seconds"] == pytest.approx(0.9)
    (late,) = told(*ROWS, usage=[*usage, used("a", 86_400.0, 86_400.5)])["sla"]["lanes"]
    assert late["verdict"] == "missed"


def test_what_is_run_again_later_has_its_own_time_in_the_lane() -> None:
    """From the last beginning on record; a lane that was cut short has missed its limit, and one that began anew after that has not."""
    usage = [used("a", 0.0, 0.6), used("a", 86_400.0, 86_400.5)]
    begun = MOMENT_US + 86_400_000_000
    (again,) = told(*ROWS, usage=usage, lane_times={**LANE_TIMES, "lanes": [["quick", begun, begun - 1]]})["sla"][
        "lanes"
    ]
    assert (again["wall_seconds"], again["verdict"], again["cut"]) == (0.5, "met", False)
    (cut,) = told(*ROWS, usage=usage, lane_times={**LANE_TIMES, "lanes": [["quick", begun, begun + 1]]})["sla"]["lanes"]
    assert (cut["verdict"], cut["cut"]) == ("missed", True)


def test_while_the_experiment_was_paused_a_lane_has_taken_no_time() -> None:
    """As its limit stood still: of three pauses one was over before it began, one is in the middle of it, one goes on beyond its end."""
    usage = [used("a", 10.0, 10.5), used("b", 20.0, 20.7)]
    seconds = [("pause", 1.0), ("resume", 5.0), ("pause", 10.5), ("resume", 20.0), ("pause", 20.6)]
    pauses = [[kind, MOMENT_US + int(at * 1e6)] for kind, at in seconds]
    (lane,) = told(*ROWS, usage=usage, lane_times={**LANE_TIMES, "pauses": pauses})["sla"]["lanes"]
    assert (lane["wall_seconds"], lane["verdict"]) == (pytest.approx(1.1), "missed")


def test_a_lane_in_which_nothing_ran_has_no_verdict() -> None:
    """Neither met nor missed; what it took is not known and not 0."""
    (lane,) = told()["sla"]["lanes"]
    assert (lane["runs"], lane["wall_seconds"], lane["verdict"]) == (0, None, None)


def test_an_sla_of_the_lane_counts_where_the_stage_has_none() -> None:
    """The stage's own comes first."""
    lanes = {"quick": Lane(name="quick", strategy="thread", sla_seconds=0.1)}
    part = told(*ROWS, floor=replace(FLOOR, lanes=lanes))
    limits = {row["stage"]: (row["limit_seconds"], row["misses"]) for row in part["sla"]["stages"]}
    assert limits == {"a": (0.5, 1), "b": (0.1, 2)}


def test_what_is_not_known_is_null_and_never_zero() -> None:
    """A run without CPU seconds leaves their sum unknown; the document is strict JSON."""
    part = told(attempt(1, 1, stage="a", at=0.0, wall=0.4, cpu=None), attempt(1, 2, stage="b", at=0.4, wall=0.4))
    assert part["figures"]["cpu_seconds"] is None
    assert part["timeline"][0]["cpu_seconds"] is None
    json.loads(json.dumps(part, allow_nan=False))


def test_nothing_that_ran_gives_no_figures() -> None:
    """Neither a division by zero nor numbers that look like measurements."""
    part = told()
    assert (part["runs"], part["figures"], part["timeline"], part["advice"]) == (0, None, [], [])


def test_the_time_line_is_bounded() -> None:
    """The last to start are shown."""
    part = told(*(attempt(number, 1, stage="a", at=number, wall=0.4) for number in range(1, 100)))
    assert len(part["timeline"]) == MOST_BARS
    assert part["timeline"][-1]["ref"] == "99.1"


def test_a_stage_that_has_become_slower_over_experiments_is_told() -> None:
    """Five experiments that took twice as long as ten before them; that other stages did not change is told too."""
    newest_first = [(15 - number, {"a": 0.2 if number < 5 else 0.1, "b": 0.3}) for number in range(15)]
    wobbled: Before = [
        (id_, {name: wall * (1 + id_ % 3 / 100) for name, wall in walls.items()}, {}) for id_, walls in newest_first
    ]
    history = {row["stage"]: row for row in told(*ROWS, before=wobbled)["history"]["stages"]}
    assert (history["a"]["changed"], history["a"]["after_count"], history["a"]["before_count"]) == ("slower", 5, 10)
    assert 1.8 < history["a"]["ratio"] < 2.2
    assert history["b"]["changed"] is None


def test_a_lane_is_compared_with_itself_where_it_had_as_much_to_do() -> None:
    """Two evaluations that take twice as long as two did; experiments with twenty evaluations in the lane say nothing about that."""
    lanes: Before = [
        (20 - number, {}, {"quick": (2.0 if number < 5 else 1.0 + number / 100, 2)}) for number in range(15)
    ]
    larger: Before = [(number, {}, {"quick": (30.0, 20)}) for number in range(5, 0, -1)]
    (row,) = told(*ROWS, before=(*lanes, *larger))["history"]["lanes"]
    assert (row["lane"], row["experiments"], row["changed"]) == ("quick", 15, "slower")
    assert (row["after_count"], row["before_count"]) == (5, 10)


@pytest.mark.parametrize(("objective", "advised"), [("value", ["too_few_workers"]), ("wall_seconds", [])])
def test_more_at_once_is_not_advised_where_time_is_what_is_measured(objective: str, advised: list[str]) -> None:
    """Side by side they would measure each other: one at a time is what the file means."""
    facts = {"name": "one", "stage": [{"name": "a", "call": "m:a", "executor": "process"}], "space": {"x": [1, 2]}}
    more = {"limits": {"max_parallel": 1}, "objective": {"metric": objective}}
    spec = ExperimentSpec.model_validate({**facts, **more})
    rows = [attempt(number, 1, stage="a", at=number * 0.5, wall=0.5, cpu=0.1) for number in range(8)]
    assert [advice["finding"] for advice in told(*rows, spec=spec)["advice"]] == advised
