"""What is advised, on what evidence, and what it is expected to bring."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.search.stages.advice import Advice, Case, Finding, Situation, advise
from orchestrator.search.stages.profile import Sample, profile_of
from orchestrator.search.stages.records import StageRun, StageShape
from orchestrator.search.stages.schedule import Plan

from . import five

IN_THREADS = Situation(
    runs=five.in_threads(),
    shapes=five.SHAPES,
    profiles=five.profiles(),
    plan=Plan(cores=2, processes=3, threads=5),
)
IN_PROCESSES = Situation(
    runs=five.in_two_processes(),
    shapes=five.SHAPES,
    profiles=five.profiles(),
    plan=Plan(cores=2, processes=2, threads=2),
)


def advised(situation: Situation) -> tuple[Advice, ...]:
    return advise(Case(situation))


def found(situation: Situation) -> dict[Finding, Advice]:
    return {advice.finding: advice for advice in advised(situation)}


def test_threads_that_compute_are_sent_to_processes() -> None:
    """Of the reference in threads only what computes is moved, and half the time is saved."""
    [advice] = advised(IN_THREADS)
    assert advice == Advice(
        finding=Finding.GIL_BOUND,
        evidence={"thread_cpu_seconds": 1.25, "wall_seconds": 1.25, "share": 1.0},
        advice="Threads computed for 1.2 s of 1.2 s, one at an instant: run cpu_a, cpu_b and mixed in processes.",
        predicted_wall_seconds=advice.predicted_wall_seconds,
        gain=advice.gain,
        change={f"stage.{name}.executor": "process" for name in ("cpu_a", "cpu_b", "mixed")},
    )
    assert advice.predicted_wall_seconds == pytest.approx(0.625)
    assert advice.gain == pytest.approx(0.5)


def test_threads_without_a_profile_are_judged_by_what_they_computed() -> None:
    """The naps have used no CPU, so they stay, though nobody has classified them."""
    advice = found(replace(IN_THREADS, profiles={}))[Finding.GIL_BOUND]
    assert advice.change == {f"stage.{name}.executor": "process" for name in ("cpu_a", "cpu_b", "mixed")}


def test_waiters_are_sent_out_of_the_processes_others_queue_for() -> None:
    """Of the reference in two processes the naps go to threads, and a third of the time is saved."""
    advice = found(IN_PROCESSES)[Finding.WORKERS_BLOCKED]
    assert advice == Advice(
        finding=Finding.WORKERS_BLOCKED,
        evidence={"waiting_seconds": 1.0, "queued_seconds": 2.0},
        advice="nap_a and nap_b held processes for 1 s and only waited there: run them in threads.",
        predicted_wall_seconds=pytest.approx(1.0),  # type: ignore[arg-type]
        gain=pytest.approx(1 / 3),  # type: ignore[arg-type]
        change={"stage.nap_a.executor": "thread", "stage.nap_b.executor": "thread"},
    )


def test_waiters_that_threads_cannot_keep_stay() -> None:
    """A stage with a timeout is not advised to go where it could not be killed."""
    limited = tuple(replace(shape, can_use_threads=False) for shape in five.SHAPES)
    assert Finding.WORKERS_BLOCKED not in found(replace(IN_PROCESSES, shapes=limited))


def test_more_workers_are_advised_by_the_smallest_number_that_does() -> None:
    """With all five at once the reference takes its lower bound; so many processes are named, and no more."""
    advice = found(IN_PROCESSES)[Finding.TOO_FEW_WORKERS]
    assert advice.change == {"slots": 5}
    assert advice.predicted_wall_seconds == pytest.approx(0.625)
    assert advice.evidence == {
        "utilisation": pytest.approx(2.5 / 3),
        "queue_share": pytest.approx(2 / 4.5),
        "cpu_efficiency": pytest.approx(1.25 / 3),
    }


def test_a_limit_of_the_experiment_is_named_when_it_is_what_holds() -> None:
    """With slots enough, and two at once allowed, it is the limit that is to be raised; with both too low, both."""
    plan = Plan(cores=2, processes=8, threads=8, max_parallel=2)
    assert found(replace(IN_PROCESSES, plan=plan))[Finding.TOO_FEW_WORKERS].change == {"limits.max_parallel": 5}
    both = replace(plan, processes=2)
    assert found(replace(IN_PROCESSES, plan=both))[Finding.TOO_FEW_WORKERS].change == {
        "limits.max_parallel": 5,
        "slots": 5,
    }


def test_more_workers_than_memory_are_not_advised() -> None:
    """Where no third fits, no third is named."""
    runs = tuple(replace(run, max_rss_bytes=40) for run in five.in_two_processes())
    assert Finding.TOO_FEW_WORKERS not in found(replace(IN_PROCESSES, runs=runs, memory_limit_bytes=100))


def test_no_more_processes_are_advised_than_keep_the_cores_busy() -> None:
    """For what only computes, however long the queue, it is the cores and one more at most; of a thousand runs the figures are all."""
    runs = tuple(
        five.run("cpu_a", place, place + 1.0, ref=f"1.{place}.1", cpu_seconds=1.0, queued_seconds_before=9.0)
        for place in range(1_000)
    )
    situation = Situation(runs=runs, shapes=five.SHAPES, plan=Plan(cores=4, processes=1))
    advice = found(situation)[Finding.TOO_FEW_WORKERS]
    assert advice.change == {"slots": 4}
    assert advice.predicted_wall_seconds == pytest.approx(250.0)


def chain(**seconds: float) -> tuple[StageRun, ...]:
    return tuple(five.run(name, 0.0, wall, cpu_seconds=wall) for name, wall in seconds.items())


def shapes(*names: str) -> tuple[StageShape, ...]:
    return tuple(StageShape(name=name) for name in names)


def test_a_stage_all_wait_for_is_to_be_split() -> None:
    """The whole takes as long as one stage that is five times the others: two halves of it would save half."""
    situation = Situation(
        runs=chain(big=5.0, a=1.0, b=1.0), shapes=shapes("big", "a", "b"), plan=Plan(cores=4, processes=4)
    )
    advice = found(situation)[Finding.IMBALANCE]
    assert advice.evidence == {"wall_seconds": 5.0, "median_of_others_seconds": 1.0, "ratio": 5.0}
    assert (advice.stage, advice.predicted_wall_seconds, advice.gain) == ("big", 2.5, 0.5)
    assert advice.change is None


def test_a_long_stage_among_others_is_a_bottleneck() -> None:
    """Twice the others and on the path, but not all of the time."""
    runs = (five.run("a", 0.0, 2.0, cpu_seconds=2.0), five.run("b", 2.0, 6.0, cpu_seconds=4.0))
    ordered = (StageShape(name="a"), StageShape(name="b", after=("a",)))
    advice = found(Situation(runs=runs, shapes=ordered, plan=Plan(cores=2, processes=2)))[Finding.BOTTLENECK]
    assert advice.stage == "b"
    assert advice.predicted_wall_seconds == pytest.approx(4.0)


def test_what_brings_less_than_a_twentieth_is_not_said() -> None:
    """Equal stages on all cores cannot be arranged better."""
    runs = chain(a=1.0, b=1.0)
    assert advised(Situation(runs=runs, shapes=shapes("a", "b"), plan=Plan(cores=4, processes=16))) == ()
    assert advised(Situation(runs=(), shapes=(), plan=Plan(cores=2, processes=1))) == ()


def waited(count: int, *, at_once: int, executor: str = "thread") -> tuple[StageRun, ...]:
    """So many runs of a second that waited, so many side by side."""
    times = [(place, float(place // at_once)) for place in range(count)]
    return tuple(
        five.run("a", at, at + 1.0, ref=f"1.{place}.1", executor=executor, cpu_seconds=0.0, queued_seconds_before=0.0)
        for place, at in times
    )


def test_fewer_workers_are_advised_when_they_would_be_as_fast() -> None:
    """A chain of two stages keeps two of eight slots busy, again and again: three would do, and the time stays what it is."""
    chain = tuple(
        five.run(stage, 2.0 * place + start, 2.0 * place + start + 1.0, ref=f"{place}.1", cpu_seconds=0.0)
        for place in range(8)
        for stage, start in (("a", 0.0), ("b", 1.0), ("c", 0.0), ("d", 1.0))
    )
    line = tuple(replace(run, ref=f"1.{place}.{run.stage}") for place, run in enumerate(chain))
    ordered = (
        StageShape(name="a", locks=("x",)),
        StageShape(name="b", locks=("x",)),
        StageShape(name="c", locks=("y",)),
        StageShape(name="d", locks=("y",)),
    )
    situation = Situation(runs=line, shapes=ordered, plan=Plan(cores=8, processes=8))
    advice = found(situation)[Finding.TOO_MANY_WORKERS]
    assert (advice.change, advice.gain, advice.predicted_wall_seconds) == ({"slots": 3}, None, None)
    assert advice.evidence == {"workers": 8, "utilisation": 0.25, "predicted_seconds": pytest.approx(16.0)}
    assert "3 would be as fast (16 s by prediction)" in advice.advice


def test_idle_workers_are_no_fault_when_there_was_little_to_do_or_a_limit() -> None:
    """Two runs on sixteen slots say nothing of their number, nor does an experiment that may use only some of them."""
    assert Finding.TOO_MANY_WORKERS not in found(
        Situation(runs=waited(2, at_once=1), shapes=shapes("a"), plan=Plan(cores=4, processes=16, threads=16))
    )
    bounded = Plan(cores=4, processes=16, threads=16, max_parallel=1)
    assert Finding.TOO_MANY_WORKERS not in found(
        Situation(runs=waited(64, at_once=1), shapes=shapes("a"), plan=bounded)
    )


def test_workers_that_are_always_busy_are_too_few_when_more_would_be_faster() -> None:
    """Two threads that wait all the time: more of them, though nothing was measured in the queue; of cores that compute there are no more."""
    situation = Situation(runs=waited(32, at_once=2), shapes=shapes("a"), plan=Plan(cores=2, processes=2, threads=2))
    advice = found(situation)[Finding.TOO_FEW_WORKERS]
    assert advice.change == {"threads": 16}
    assert advice.gain == pytest.approx(1.0 - 2.0 / 16.0)
    assert (advice.evidence["utilisation"], advice.evidence["queue_share"]) == (1.0, 0.0)
    computing = tuple(replace(run, executor="process", cpu_seconds=1.0) for run in situation.runs)
    assert Finding.TOO_FEW_WORKERS not in found(replace(situation, runs=computing))


def test_saturated_cores_are_said_to_be_so() -> None:
    """Two stages that compute on two cores all the time leave nothing to arrange."""
    situation = Situation(runs=chain(a=1.0, b=1.0), shapes=shapes("a", "b"), plan=Plan(cores=2, processes=2))
    assert advised(situation) == (
        Advice(
            finding=Finding.CPU_SATURATED,
            evidence={"cpu_efficiency": 1.0, "headroom": 1.0},
            advice="100 % of the cores computed and the time is 1.00 times the least possible: "
            "no arrangement is faster, only less work or more cores.",
        ),
    )


@pytest.mark.parametrize(("limit", "change"), [(100, {"limits.max_parallel": 1}), (110, {"limits.max_parallel": 1})])
def test_memory_that_is_nearly_full_means_fewer_at_once(limit: int, change: dict[str, int]) -> None:
    """Two that hold 45 each of 100 or 110 are one too many."""
    runs = tuple(replace(run, max_rss_bytes=45) for run in chain(a=1.0, b=1.0))
    situation = Situation(runs=runs, shapes=shapes("a", "b"), plan=Plan(cores=8, processes=2), memory_limit_bytes=limit)
    assert found(situation)[Finding.MEMORY].change == change
    assert Finding.MEMORY not in found(replace(situation, memory_limit_bytes=120))


def test_one_that_alone_is_too_large_is_not_told_to_run_alone() -> None:
    """From one to one is no advice: it needs a larger limit."""
    run = five.run("a", 0.0, 1.0, max_rss_bytes=95)
    situation = Situation(runs=(run,), shapes=(), plan=Plan(cores=8, processes=2), memory_limit_bytes=100)
    assert found(situation)[Finding.MEMORY].change is None


def test_a_stage_that_takes_very_different_times_is_named() -> None:
    """From 1 to 2 s over five runs is unstable; four runs say too little."""
    walls = [1.0, 1.0, 1.0, 1.0, 2.0]
    five_runs, four_runs = (
        profile for count in (5, 4) if (profile := profile_of([Sample(wall) for wall in walls[-count:]])) is not None
    )
    situation = Situation(
        runs=chain(a=1.0), shapes=shapes("a"), plan=Plan(cores=8, processes=1), profiles={"a": five_runs}
    )
    assert found(situation)[Finding.UNSTABLE].evidence == {"runs": 5, "p90_over_p10": 2.0}
    assert advised(replace(situation, profiles={"a": four_runs})) == ()


def test_a_limit_that_may_be_missed_is_a_risk() -> None:
    """Runs of 8 to 9 s may well pass 9.5 s some day, and not 100 s."""
    runs = tuple(five.run("a", 0.0, 8.0 + place / 4, ref=f"1.{place}.1") for place in range(5))
    shape = StageShape(name="a", sla_seconds=9.5)
    situation = Situation(runs=runs, shapes=(shape,), plan=Plan(cores=8, processes=8))
    advice = found(situation)[Finding.SLA_RISK]
    assert (advice.stage, advice.gain, advice.change, advice.evidence["limit_seconds"]) == ("a", None, None, 9.5)
    assert advice.advice.endswith("or raise the limit.")
    assert Finding.SLA_RISK not in found(replace(situation, shapes=(replace(shape, sla_seconds=100.0),)))


def test_a_limit_that_ten_runs_suggest_is_told_when_it_is_above_the_one_there_is() -> None:
    """1.25 times the 95th percentile of 8 s is 10 s."""
    runs = tuple(five.run("a", 0.0, 8.0, ref=f"1.{place}.1") for place in range(10))
    shape = StageShape(name="a", sla_seconds=7.0)
    situation = Situation(runs=runs, shapes=(shape,), plan=Plan(cores=8, processes=8))
    assert found(situation)[Finding.SLA_RISK].advice.endswith("or raise the limit (10 s would fit).")


MEASURED = st.just(0.0) | st.floats(1e-9, 10.0)
"""What a clock can say: nothing, or a tick and more."""

UNKNOWN_OR = st.none() | MEASURED


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    seconds = MEASURED
    names = ("a", "b", "c")
    runs = []
    for place in range(draw(st.integers(0, 8))):
        start, wall = draw(seconds), draw(seconds)
        more = {
            "ref": f"1.{place % 3}.{place}",
            "state": draw(st.sampled_from(["succeeded", "failed", "cancelled"])),
            "executor": draw(st.sampled_from(["process", "thread", "isolated"])),
            "cpu_seconds": draw(UNKNOWN_OR),
            "queued_seconds_before": draw(UNKNOWN_OR),
            "max_rss_bytes": draw(st.none() | st.integers(0, 100)),
        }
        runs.append(five.run(draw(st.sampled_from(names)), start, start + wall, **more))
    shapes = (StageShape(name="a"), StageShape(name="b", after=("a",), sla_seconds=5.0), StageShape(name="c"))
    plan = Plan(
        cores=draw(st.floats(0.25, 8.0)),
        processes=draw(st.integers(1, 5)),
        threads=draw(st.integers(1, 5)),
        max_parallel=draw(st.none() | st.integers(1, 5)),
    )
    profiles = draw(st.sampled_from([{}, dict(zip(names, five.profiles().values(), strict=False))]))
    memory = draw(st.none() | st.integers(1, 500))
    return Situation(runs=tuple(runs), shapes=shapes, plan=plan, profiles=profiles, memory_limit_bytes=memory)


@given(situations())
@settings(max_examples=150, deadline=None)
def test_all_advice_is_worth_it_and_can_be_written_down(situation: Situation) -> None:
    """Whatever ran, a gain is from 0.05 to 1 with its wall, or there is neither; changes are there or None; numbers are finite."""
    told = advised(situation)
    gains = [advice.gain for advice in told if advice.gain is not None]
    assert gains == sorted(gains, reverse=True)
    assert all(0.05 <= gain <= 1.0 for gain in gains)
    for advice in told:
        assert (advice.gain is None) == (advice.predicted_wall_seconds is None)
        assert advice.predicted_wall_seconds is None or advice.predicted_wall_seconds >= 0.0
        assert advice.change is None or advice.change
        assert all(math.isfinite(number) for number in advice.evidence.values())
        assert advice.advice


def test_runs_that_took_no_time_ask_for_nothing() -> None:
    """There is nothing to save, whatever they computed by the clock of the CPU."""
    run = StageRun(
        stage="a",
        ref="1.1.1",
        state="succeeded",
        executor="thread",
        started_seconds=0.0,
        ended_seconds=0.0,
        wall_seconds=0.0,
        cpu_seconds=1.0,
    )
    assert advised(Situation(runs=(run,), shapes=(StageShape(name="a"),), plan=Plan(cores=1, processes=1))) == ()
