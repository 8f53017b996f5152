"""What ran, as tasks of a schedule."""

import pytest

from orchestrator.search.stages.profile import Sample, profile_of
from orchestrator.search.stages.records import StageShape
from orchestrator.search.stages.replay import alone, halved, longest_path, placed, scaled, tasks_of
from orchestrator.search.stages.schedule import Plan, Task, predict

from . import five

BUILD_TEST_SHIP = (
    StageShape(name="build"),
    StageShape(name="test", after=("build",), locks=("gpu",)),
    StageShape(name="ship", after=("test",)),
)


def names(tasks: tuple[Task, ...]) -> dict[str, tuple[str, ...]]:
    return {task.name: task.after for task in tasks}


def test_an_attempt_is_a_task_after_the_one_before_it() -> None:
    """A retry comes after its first attempt, and later stages after both, through the joint of the stage."""
    runs = [
        five.run("build", 0.0, 1.0, ref="1.1.1", state="failed"),
        five.run("test", 3.0, 4.0, ref="1.1.2"),
        five.run("build", 1.0, 3.0, ref="1.1.1", attempt=2),
    ]
    tasks = tasks_of(runs, shapes=BUILD_TEST_SHIP)
    assert names(tasks) == {
        "1.1.1#1": (),
        "1.1.1#2": ("1.1.1#1",),
        "1.1/build": ("1.1.1#2",),
        "1.1.2#1": ("1.1/build",),
        "1.1/test": ("1.1.2#1",),
    }
    assert next(task.locks for task in tasks if task.stage == "test") == ("gpu",)
    assert predict(tasks, plan=Plan(cores=2, processes=4)).wall_seconds == 4.0


def test_variants_do_not_wait_for_each_other() -> None:
    """The stages of one variant are in order, those of two are not, unless they lock the same."""
    runs = [
        five.run(stage, 0.0, 1.0, ref=f"1.{variant}.{place}")
        for variant in (1, 2)
        for place, stage in enumerate(("build", "test"))
    ]
    plan = Plan(cores=4, processes=4)
    locking = tasks_of(runs, shapes=BUILD_TEST_SHIP)
    free = tasks_of(runs, shapes=(StageShape(name="build"), StageShape(name="test", after=("build",))))
    assert longest_path(free).names == ("build", "test")
    assert predict(free, plan=plan).wall_seconds == 2.0
    assert predict(locking, plan=plan).wall_seconds == 3.0


def test_a_stage_that_did_not_run_is_stepped_over() -> None:
    """`ship` waits for `test`, which has no run, so it waits for `build`."""
    runs = [five.run("build", 0.0, 1.0, ref="1.1.1"), five.run("ship", 1.0, 2.0, ref="1.1.3")]
    assert names(tasks_of(runs, shapes=BUILD_TEST_SHIP))["1.1.3#1"] == ("1.1/build",)


def test_a_run_that_is_given_twice_counts_once() -> None:
    """Reading the same history again doubles nothing."""
    run = five.run("build", 0.0, 1.0)
    assert tasks_of([run, run], shapes=BUILD_TEST_SHIP) == tasks_of([run], shapes=BUILD_TEST_SHIP)


def test_what_a_stage_took_alone_follows_from_its_profile() -> None:
    """Beside others 0.5 CPU seconds took 1.25 s; at the profile's share of 1 they take 0.5 s, and never more than they took."""
    busy = five.run("cpu_a", 0.0, 1.25, cpu_seconds=0.5)
    assert alone(busy, profile=None) == (1.25, 0.4)
    assert alone(busy, profile=profile_of([Sample(0.5, 0.5)])) == (0.5, 1.0)
    assert alone(busy, profile=profile_of([Sample(5.0, 1.6)])) == (1.25, 0.4)


def test_what_waits_is_as_long_as_it_was() -> None:
    """CPU seconds next to nothing say nothing of the duration."""
    assert alone(five.run("nap_a", 0.0, 2.0, cpu_seconds=0.0), profile=profile_of([Sample(0.5, 0.0)])) == (2.0, 0.0)


def test_unknown_cpu_seconds_are_the_profiles_or_all_of_it() -> None:
    """A run that did not tell is taken to be like the others, and to compute when there are none."""
    silent = five.run("cpu_a", 0.0, 2.0)
    assert alone(silent, profile=None) == (2.0, 1.0)
    assert alone(silent, profile=profile_of([Sample(1.0, 0.25)])) == (2.0, 0.25)


def test_changed_tasks_change_only_what_is_named() -> None:
    """A stage is moved, made free, or split in two halves; the others stay as they are."""
    tasks = tasks_of(five.in_two_processes(), shapes=five.SHAPES)
    plan = Plan(cores=2, processes=2, threads=2)
    moved = placed(tasks, executors={"nap_a": "thread", "nap_b": "thread"})
    assert {task.stage for task in moved if task.executor == "thread"} == {"nap_a", "nap_b"}
    assert predict(moved, plan=plan).wall_seconds == 1.0
    assert sum(task.wall_seconds for task in scaled(tasks, stage="mixed", factor=0.0)) == 2.0
    halves = halved(tasks, stage="mixed")
    assert sum(task.wall_seconds for task in halves) == pytest.approx(2.5)
    assert predict(halves, plan=plan).wall_seconds == 1.25
