"""The graph of stages: its order, its longest path, its lower bound; and who of the ready starts first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import InvalidSpec
from orchestrator.search.stages.graph import Path, critical_path, edges, lower_bound, topological
from orchestrator.search.stages.order import bottom_levels, longest_first
from orchestrator.search.stages.overlap import overlap
from orchestrator.search.stages.records import StageShape
from orchestrator.search.stages.schedule import Task

DIAMOND = {"lint": (), "build": (), "test": ("build",), "docs": ("lint",), "ship": ("test", "docs")}
SECONDS = {"lint": 3.0, "build": 1.0, "test": 4.0, "docs": 1.0, "ship": 0.5}


def test_a_stage_comes_after_all_it_waits_for() -> None:
    """Of those free to go the one named first is first, and the last of a diamond comes last."""
    assert topological(DIAMOND) == ["lint", "build", "test", "docs", "ship"]
    assert topological({"b": ("a",), "a": ()}) == ["a", "b"]
    assert topological({}) == []


def test_a_circle_is_refused_with_those_in_it() -> None:
    """What waits for itself is named; what does not is not."""
    with pytest.raises(InvalidSpec) as refused:
        topological({"a": (), "b": ("c",), "c": ("b",)})
    assert [problem.where for problem in refused.value.problems] == ["stage.b.after", "stage.c.after"]


def test_two_stages_of_one_name_are_refused() -> None:
    """A second stage of the same name would hide how the first went."""
    with pytest.raises(InvalidSpec) as refused:
        edges([StageShape(name="a"), StageShape(name="a")])
    assert [problem.where for problem in refused.value.problems] == ["stage.a"]


def test_a_name_that_is_not_there_is_refused() -> None:
    """Waiting for a stage that does not exist would be for ever."""
    with pytest.raises(InvalidSpec) as refused:
        edges([StageShape(name="a", after=("b",))])
    assert [problem.message for problem in refused.value.problems] == ['there is no stage "b"']


def test_the_critical_path_is_the_longest_in_time_not_in_steps() -> None:
    """Through build and test it takes 5.5 s, through lint and docs 4.5 s."""
    assert critical_path(DIAMOND, durations=SECONDS) == Path(names=("build", "test", "ship"), seconds=5.5)
    assert critical_path({}, durations={}) == Path(names=(), seconds=0.0)


def test_the_lower_bound_of_the_reference_is_its_cpu_time_on_two_cores() -> None:
    """1.25 CPU seconds on two cores take 0.625 s, though no stage takes longer than 0.5 s."""
    assert lower_bound(0.5, cpu_seconds=1.25, cores=2) == 0.625
    assert lower_bound(0.5, cpu_seconds=1.25, cores=4) == 0.5


def test_who_has_the_longest_way_to_go_starts_first() -> None:
    """`build` is short, but what comes after it is not."""
    assert bottom_levels(DIAMOND, durations=SECONDS) == {
        "lint": 4.5,
        "build": 5.5,
        "test": 4.5,
        "docs": 1.5,
        "ship": 0.5,
    }
    assert longest_first(["lint", "build"], after=DIAMOND, durations=SECONDS) == ("build", "lint")


def test_what_nobody_has_timed_comes_last_in_file_order() -> None:
    """An unknown duration is no duration of 0: known ones go first, however short, and equals keep their order."""
    after: dict[str, tuple[str, ...]] = dict.fromkeys("abcde", ())
    durations = {"a": None, "c": 0.0, "d": 2.0, "e": 2.0}
    assert longest_first("abcde", after=after, durations=durations) == ("d", "e", "c", "a", "b")


@given(st.lists(st.tuples(st.integers(0, 30), st.sets(st.integers(0, 30), max_size=3)), max_size=25))
def test_no_path_is_longer_than_the_critical_one(rows: list[tuple[int, set[int]]]) -> None:
    """The critical path is as long as the largest bottom level, and follows the edges."""
    after = {str(place): tuple(str(old) for old in sorted(back) if old < place) for place, (_, back) in enumerate(rows)}
    durations = {str(place): float(seconds) for place, (seconds, _) in enumerate(rows)}
    path = critical_path(after, durations=durations)
    levels = bottom_levels(after, durations=dict(durations))
    assert path.seconds == max((level for level in levels.values() if level is not None), default=0.0)
    assert path.seconds == sum(durations[name] for name in path.names)
    assert all(earlier in after[later] for earlier, later in zip(path.names, path.names[1:], strict=False))


def task(name: str, seconds: float, *after: str, locks: tuple[str, ...] = ()) -> Task:
    return Task(name=name, stage=name[0], executor="process", wall_seconds=seconds, after=after, locks=locks)


def test_what_can_go_on_beside_others_is_what_graph_and_locks_leave() -> None:
    """`test` can overlap with what is not on its way, a lock in common takes that away, and what took no time says nothing."""
    tasks = [
        task("build", 1.0),
        task("test", 4.0, "build", locks=("gpu",)),
        task("ship", 2.0, "test"),
        task("lint", 1.0),
        task("x", 3.0, locks=("gpu",)),
        task("new", 0.0),
    ]
    assert overlap(tasks) == {"b": 1.0, "t": 0.25, "s": 1.0, "l": 1.0, "x": 1.0, "n": None}
    assert overlap([task("a", 1.0), task("b", 2.0, "a")]) == {"a": 0.0, "b": 0.0}
    assert overlap([]) == {}


def test_runs_of_one_stage_can_overlap_unless_a_lock_keeps_them_apart() -> None:
    """Of two variants each stage of a chain can go on beside the other's; of three that hold one lock none can."""
    chains = [task("a1", 1.0), task("b1", 1.0, "a1"), task("a2", 1.0), task("b2", 1.0, "a2")]
    assert overlap(chains) == {"a": 1.0, "b": 1.0}
    assert overlap([task(f"a{number}", 1.0, locks=("gpu",)) for number in range(3)]) == {"a": 0.0}
