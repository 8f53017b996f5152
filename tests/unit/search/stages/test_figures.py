"""What a run of the graph came to in numbers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.search.stages.figures import PoolFigures, Setting, figures_of, most_at_once
from orchestrator.search.stages.graph import Path
from orchestrator.search.stages.records import StageRun, StageShape

from . import five

SETTING = Setting(cores=2, shapes=five.SHAPES, workers={"process": 2, "thread": 5}, profiles={})
ESTIMATED = Setting(cores=2, shapes=five.SHAPES, workers={"process": 2}, profiles=five.profiles())


def test_the_reference_in_two_processes() -> None:
    """Every sum and every ratio of the measured run, by hand."""
    figures = figures_of(five.in_two_processes(), setting=ESTIMATED)
    assert figures.to_json() == {
        "runs": 5,
        "succeeded": 5,
        "wall_seconds": 1.5,
        "work_seconds": 2.5,
        "cpu_seconds": 1.25,
        "concurrency": pytest.approx(5 / 3),
        "utilisation": {"process": pytest.approx(2.5 / 3)},
        "workers": {"process": 2},
        "cpu_efficiency": pytest.approx(1.25 / 3),
        "speed_up": pytest.approx(2.5 / 1.5),
        "speed_up_basis": "estimated",
        "efficiency": pytest.approx(2.5 / 3),
        "critical_path": ["cpu_a"],
        "critical_path_seconds": 0.5,
        "lower_bound_seconds": 0.625,
        "headroom": pytest.approx(2.4),
        "scaling_limit": 4.0,
        "queue_share": pytest.approx(2.0 / 4.5),
        "throughput_per_second": pytest.approx(5 / 1.5),
        "peak_memory_bytes": None,
    }


def test_a_speed_up_says_how_it_is_known() -> None:
    """Estimated from the profiles, and none when a stage has no profile."""
    runs = five.in_two_processes()
    estimated, unknown = figures_of(runs, setting=ESTIMATED), figures_of(runs, setting=SETTING)
    assert estimated.speed_up == pytest.approx(2.5 / 1.5)
    assert estimated.to_json()["speed_up_basis"] == "estimated"
    assert (unknown.to_json()["speed_up_basis"], unknown.speed_up, unknown.efficiency) == (None, None, None)


def test_sharing_cores_makes_neither_the_bound_larger_nor_the_work() -> None:
    """In threads two stages that compute take 1.25 s each and would take 0.5 s alone: the least possible stays 0.625 s, one after the
    other 2.5 s.
    """
    setting = Setting(cores=2, shapes=five.SHAPES, workers={"thread": 5}, profiles=five.profiles())
    figures = figures_of(five.in_threads(), setting=setting)
    assert (figures.work_seconds, figures.critical_path.seconds) == (4.5, 0.5)
    assert figures.lower_bound_seconds == 0.625
    assert (figures.headroom, figures.speed_up) == (2.0, 2.0)
    assert figures.scaling_limit == 4.0


def test_what_a_run_takes_alone_is_its_own_and_not_the_mean() -> None:
    """One after the other a variant of half the work takes half of what the profile says; a stage without a profile leaves that open."""
    runs = [five.run("cpu_a", 0.0, 0.25, cpu_seconds=0.25), five.run("nap_a", 0.0, 0.5, cpu_seconds=0.0)]
    setting = Setting(cores=2, shapes=five.SHAPES, workers={}, profiles=five.profiles())
    assert figures_of(runs, setting=setting).sequential_seconds == 0.75
    assert figures_of([*runs, five.run("other", 0.0, 1.0)], setting=setting).sequential_seconds is None


def test_utilisation_is_busy_time_and_not_success() -> None:
    """Five failures are as busy as five successes; the throughput is 0."""
    runs = [five.run(name, 0.0, 1.0, state="failed", ref=f"1.1.{name}") for name in five.CPU_SHARES]
    figures = figures_of(runs, setting=SETTING)
    assert [(pool.name, pool.workers, pool.utilisation) for pool in figures.pools] == [("process", 5, 1.0)]
    assert (figures.succeeded, figures.throughput) == (0, 0.0)


def test_one_after_the_other_has_one_worker_whatever_there_is() -> None:
    """A sequential run keeps its only process busy all the time, not half of two."""
    runs = [
        five.run(name, place / 2, place / 2 + 0.5, executor="sequential") for place, name in enumerate(("a", "b", "c"))
    ]
    (pool,) = figures_of(runs, setting=SETTING).pools
    assert (pool.name, pool.workers, pool.utilisation) == ("sequential", 1, 1.0)


def test_the_wall_is_from_the_first_start_to_the_last_end() -> None:
    """Five stages side by side take as long as the longest, not as all together; a second reading changes nothing."""
    runs = five.in_threads()
    figures = figures_of([*runs, *runs], setting=SETTING)
    assert (figures.wall_seconds, figures.work_seconds, figures.runs) == (1.25, 4.5, 5)
    assert figures.pools == (PoolFigures(name="thread", workers=5, busy_seconds=4.5, capacity_seconds=6.25),)


def test_a_wait_in_the_queue_is_no_work() -> None:
    """A failure of 0.05 s behind 0.4 s counts with 0.05 s."""
    runs = [
        five.run("a", 0.0, 0.4, queued_seconds_before=0.0),
        five.run("b", 0.4, 0.45, queued_seconds_before=0.4, state="failed"),
    ]
    figures = figures_of(runs, setting=SETTING)
    assert figures.work_seconds == pytest.approx(0.45)
    assert figures.queue_share == pytest.approx(0.4 / 0.85)


def test_without_a_run_every_ratio_is_unknown() -> None:
    """Nothing is divided by 0, so that the document stays strict JSON."""
    nothing = figures_of([], setting=SETTING)
    document = nothing.to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert [key for key, value in document.items() if value is None] == [
        "cpu_seconds",
        "concurrency",
        "cpu_efficiency",
        "speed_up",
        "speed_up_basis",
        "efficiency",
        "headroom",
        "scaling_limit",
        "queue_share",
        "throughput_per_second",
        "peak_memory_bytes",
    ]


def test_the_path_goes_through_what_waited() -> None:
    """Build then test is the path, though the lint between them was longer than either."""
    shapes = (StageShape(name="build"), StageShape(name="test", after=("build",)), StageShape(name="lint"))
    runs = [five.run("build", 0.0, 2.0), five.run("test", 2.0, 4.0), five.run("lint", 0.0, 3.0)]
    figures = figures_of(runs, setting=Setting(cores=8, shapes=shapes, workers={}, profiles={}))
    assert figures.critical_path == Path(names=("build", "test"), seconds=4.0)


def test_cpu_seconds_need_nearly_all_of_the_work() -> None:
    """A short run that did not tell is left out; a long one makes the sum unknown, not smaller."""
    known = five.run("a", 0.0, 10.0, cpu_seconds=5.0)
    assert figures_of([known, five.run("b", 0.0, 0.1)], setting=SETTING).cpu_seconds == 5.0
    assert figures_of([known, five.run("b", 0.0, 9.0)], setting=SETTING).cpu_seconds is None


def test_memory_is_what_was_held_at_once() -> None:
    """One that ends as another starts does not count with it; one whose memory is unknown makes the sum unknown."""
    runs = [
        five.run("a", 0.0, 1.0, max_rss_bytes=5),
        five.run("b", 1.0, 2.0, max_rss_bytes=7),
        five.run("c", 0.5, 1.0, max_rss_bytes=1),
        five.run("d", 1.5, 1.5, state="failed"),
    ]
    assert figures_of(runs, setting=SETTING).peak_memory_bytes == 7
    assert figures_of([*runs, five.run("e", 0.0, 1.0)], setting=SETTING).peak_memory_bytes is None


RUNS = st.lists(
    st.builds(
        lambda start, length, executor: five.run("a", start, start + length, executor=executor),
        st.just(0.0) | st.floats(1e-9, 100.0),
        st.just(0.0) | st.floats(1e-9, 100.0),
        st.sampled_from(["process", "thread"]),
    ),
    max_size=20,
)


@given(RUNS, st.integers(1, 4))
def test_no_pool_is_busier_than_its_workers_can_be(runs: list[StageRun], workers: int) -> None:
    """Utilisation is at most 1 whatever overlaps, and the wall is never shorter than any run."""
    own = [
        five.run(run.stage, run.started_seconds, run.ended_seconds, executor=run.executor, ref=f"1.{place}.1")
        for place, run in enumerate(runs)
    ]
    setting = Setting(cores=2, shapes=(), workers={"process": workers, "thread": workers}, profiles={})
    figures = figures_of(own, setting=setting)
    assert all(pool.utilisation is None or 0.0 <= pool.utilisation <= 1.0 for pool in figures.pools)
    assert all(figures.wall_seconds >= run.ended_seconds - run.started_seconds for run in own)
    assert most_at_once(own, weight=lambda _: 1) <= len(own)
