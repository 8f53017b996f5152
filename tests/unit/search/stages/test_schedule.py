"""The scheduler in thought: what it predicts for what was measured, and what no schedule can break."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import InvalidSpec
from orchestrator.search.stages.graph import critical_path, edges, lower_bound
from orchestrator.search.stages.schedule import Bar, Plan, Prediction, Task, predict

from . import five


@pytest.mark.parametrize(
    ("executors", "plan", "measured"),
    [
        (five.PROCESSES, Plan(cores=2, processes=1), 2.57),
        (five.THREADS, Plan(cores=2, processes=1, threads=2), 2.01),
        (five.THREADS, Plan(cores=2, processes=1, threads=4), 1.50),
        (five.THREADS, Plan(cores=2, processes=1, threads=5), 1.27),
        (five.PROCESSES, Plan(cores=2, processes=2), 1.54),
        (five.PROCESSES, Plan(cores=2, processes=5), 0.71),
        (five.HYBRID, Plan(cores=2, processes=3, threads=2), 0.73),
        (five.HYBRID, Plan(cores=2, processes=2, threads=3), 1.04),
    ],
)
def test_the_reference_takes_what_was_measured(executors: dict[str, str], plan: Plan, measured: float) -> None:
    """These arrangements, timed on two cores, are predicted within 15 %."""
    assert predict(five.tasks(executors), plan=plan).wall_seconds == pytest.approx(measured, rel=0.15)


def test_a_prediction_is_a_time_line() -> None:
    """Two processes: the naps hold them in the second half second, `mixed` starts when the first is free again."""
    bars = [("cpu_a", 0, 0.0), ("cpu_b", 1, 0.0), ("nap_a", 0, 0.5), ("nap_b", 1, 0.5), ("mixed", 0, 1.0)]
    assert predict(five.tasks(five.PROCESSES), plan=Plan(cores=2, processes=2)) == Prediction(
        wall_seconds=1.5,
        bars=tuple(
            Bar(name=name, stage=name, pool="process", worker=worker, started_seconds=at, ended_seconds=at + 0.5)
            for name, worker, at in bars
        ),
    )


def task(name: str, seconds: float, **more: object) -> Task:
    values: dict[str, object] = {"name": name, "stage": name, "executor": "process", "wall_seconds": seconds, **more}
    return Task(**values)  # type: ignore[arg-type]


def test_who_locks_the_same_never_overlaps() -> None:
    """Three tasks of one lock run one after the other on free workers, and others run beside them."""
    tasks = [task(name, 1.0, cpu_share=0.0, locks=("gpu",)) for name in "abc"] + [task("d", 1.0, cpu_share=0.0)]
    prediction = predict(tasks, plan=Plan(cores=2, processes=4))
    assert prediction.wall_seconds == 3.0
    assert [(bar.name, bar.started_seconds) for bar in prediction.bars] == [("a", 0), ("d", 0), ("b", 1), ("c", 2)]


def test_what_is_run_one_after_the_other_never_overlaps() -> None:
    """Five sequential stages take 2.5 s however many processes there are, and beside them others run."""
    in_turn = predict(five.tasks(dict.fromkeys(five.CPU_SHARES, "sequential")), plan=Plan(cores=2, processes=5))
    assert in_turn.wall_seconds == pytest.approx(2.5)
    mixed = predict(
        five.tasks({**five.PROCESSES, "cpu_a": "sequential", "nap_a": "sequential"}), plan=Plan(cores=4, processes=5)
    )
    assert mixed.wall_seconds == pytest.approx(1.0)


def test_what_is_released_starts_at_once() -> None:
    """A chain goes on while a longer stage still runs, for nothing waits for a batch to end."""
    tasks = [task("long", 3.0), task("a", 1.0), task("b", 1.0, after=("a",)), task("c", 1.0, after=("b",))]
    assert predict(tasks, plan=Plan(cores=2, processes=2)).wall_seconds == 3.0


def test_the_longest_way_starts_first() -> None:
    """With the long stage last in the file, starting it first saves a third of the time."""
    tasks = [task("a", 1.0), task("b", 1.0), task("long", 2.0)]
    assert predict(tasks, plan=Plan(cores=2, processes=2)).wall_seconds == 2.0


def test_the_limit_of_the_experiment_spans_both_pools() -> None:
    """Two at once, wherever they run."""
    tasks = [task(str(place), 1.0, cpu_share=0.0, executor=("process", "thread")[place % 2]) for place in range(6)]
    assert predict(tasks, plan=Plan(cores=2, processes=3, threads=3)).wall_seconds == 1.0
    assert predict(tasks, plan=Plan(cores=2, processes=3, threads=3, max_parallel=2)).wall_seconds == 3.0


def test_a_task_that_uses_two_cores_shares_them_like_two() -> None:
    """Alone it takes its wall; beside one other that computes, three want two cores."""
    wide = task("wide", 1.0, cpu_share=2.0)
    assert predict([wide], plan=Plan(cores=2, processes=2)).wall_seconds == 1.0
    assert predict([wide, task("b", 1.0)], plan=Plan(cores=2, processes=2)).wall_seconds == 1.5


@pytest.mark.parametrize("plan", [Plan(cores=2, processes=0), Plan(cores=2, processes=1, threads=0)])
def test_a_pool_without_workers_is_refused(plan: Plan) -> None:
    """0 workers would never end."""
    with pytest.raises(InvalidSpec):
        predict([task("a", 1.0)], plan=plan)


def test_nothing_takes_no_time() -> None:
    """No task, and tasks that take no time, are over at once, joints in between included."""
    tasks = [task("a", 0.0), task("joint", 0.0, executor=None, after=("a",)), task("b", 0.0, after=("joint",))]
    assert predict([], plan=Plan(cores=1, processes=1)) == Prediction(wall_seconds=0.0, bars=())
    assert predict(tasks, plan=Plan(cores=1, processes=1)).wall_seconds == 0.0


@st.composite
def graphs(draw: st.DrawFn) -> list[Task]:
    count = draw(st.integers(1, 12))
    return [
        Task(
            name=str(place),
            stage="s",
            executor=draw(st.sampled_from(["process", "thread", "isolated"])),
            wall_seconds=draw(st.just(0.0) | st.floats(1e-9, 100.0)),
            cpu_share=draw(st.floats(0.0, 1.0)),
            after=tuple(str(old) for old in sorted(draw(st.sets(st.integers(0, place - 1), max_size=3))))
            if place
            else (),
            locks=tuple(sorted(draw(st.sets(st.sampled_from(["gpu", "disk"]), max_size=2)))),
        )
        for place in range(count)
    ]


PLANS = st.builds(
    Plan,
    cores=st.floats(1.0, 8.0),
    processes=st.integers(1, 6),
    threads=st.integers(1, 6),
    max_parallel=st.none() | st.integers(1, 6),
)


@given(graphs(), PLANS)
@settings(max_examples=150)
def test_no_schedule_beats_the_lower_bound_or_falls_behind_one_after_the_other(tasks: list[Task], plan: Plan) -> None:
    """The wall is at least max(critical path, CPU / cores) and at most the sum of all walls, each task ran once, after its own."""
    prediction = predict(tasks, plan=plan)
    path = critical_path(edges(tasks), durations={task.name: task.wall_seconds for task in tasks}).seconds
    cpu = sum(task.wall_seconds * task.cpu_share for task in tasks)
    close = 1e-9 * (1.0 + sum(task.wall_seconds for task in tasks))
    assert prediction.wall_seconds >= lower_bound(path, cpu_seconds=cpu, cores=plan.cores) - close
    assert prediction.wall_seconds <= sum(task.wall_seconds for task in tasks) + close
    ends = {bar.name: bar.ended_seconds for bar in prediction.bars}
    starts = {bar.name: bar.started_seconds for bar in prediction.bars}
    assert sorted(bar.name for bar in prediction.bars) == sorted(task.name for task in tasks)
    assert all(ends[earlier] <= starts[task.name] for task in tasks for earlier in task.after)


@given(graphs(), PLANS)
@settings(max_examples=50)
def test_the_same_plan_gives_the_same_schedule(tasks: list[Task], plan: Plan) -> None:
    """A prediction is a function of its arguments, and no worker runs two tasks at an instant."""
    prediction = predict(tasks, plan=plan)
    assert prediction == predict(tasks, plan=plan)
    lines: dict[tuple[str, int], float] = {}
    for bar in prediction.bars:
        assert bar.ended_seconds >= bar.started_seconds
        if bar.ended_seconds > bar.started_seconds:
            assert bar.started_seconds >= lines.get((bar.pool, bar.worker), 0.0)
            lines[bar.pool, bar.worker] = bar.ended_seconds
