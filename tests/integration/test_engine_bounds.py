"""Claims about what bounds evaluations: slots they take, timeouts that follow what was measured, wall time that a pause does not take, what a daemon does not have."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.domain.evaluation import Evaluation, Job
from orchestrator.domain.outcome import Outcome
from orchestrator.domain.refs import ExperimentId, Ref
from orchestrator.engine import permits
from orchestrator.errors import InvalidSpec
from orchestrator.executors.base import Abilities
from orchestrator.store.times import now_us
from tests.support.inline import InlineExecutor, lasting, metrics
from tests.support.lab import Lab, open_lab

pytestmark = pytest.mark.asyncio
SECOND_US = 1_000_000
MODEL = {"call": "model:evaluate"}
ONE_BY_ONE = Abilities(can_kill=True, isolates_crashes=True, batches=False, permit="slot")


def value(parameters: Any, *_: Any) -> Outcome:
    """The parameter itself."""
    return metrics(value=float(parameters["x"]))


class Timed:
    """Evaluations that take as many seconds as their parameter says; the timeouts they were sent with are noted."""

    def __init__(self) -> None:
        self.timeouts: list[float | None] = []

    def __call__(self, parameters: Any, evaluation: Evaluation, job: Job) -> Outcome:
        """Note and succeed."""
        del evaluation
        self.timeouts.append(job.timeout_seconds)
        return lasting(float(parameters["x"]), value=1.0)


@pytest.mark.parametrize(("slots", "cpus", "expected"), [(4, 2, 2), (5, 2, 2), (3, 3, 1), (4, 1, 4)])
async def test_an_evaluation_takes_as_many_slots_as_it_says(
    tmp_path: Path, slots: int, cpus: int, expected: int
) -> None:
    """No more run at one instant than their slots allow, and as many as that do."""
    executor = InlineExecutor(value, abilities=ONE_BY_ONE)
    async with open_lab(tmp_path, executor, slots=slots) as lab:
        ended = await lab.run(stage=[{**MODEL, "cpus": cpus}], space={"x": list(range(60))}, limits={"max_parallel": 9})
        assert lab.orchestrator.dispatcher.permits.busy == {"slot": 0, "thread": 0}

    assert ended["iterations"]["succeeded"] == 60
    assert executor.most_at_once == expected


async def test_a_wide_experiment_is_not_starved_by_narrow_ones(tmp_path: Path) -> None:
    """While a narrow experiment always has something ready, one that needs all slots at once gets them in its turn."""
    executor = InlineExecutor(value, abilities=ONE_BY_ONE)
    async with open_lab(tmp_path, executor, slots=3) as lab:
        narrow = await lab.submit(space={"x": list(range(400))}, name="narrow")
        wide = await lab.submit(stage=[{**MODEL, "cpus": 3}], space={"x": list(range(20))}, name="wide")
        await lab.ended(wide)
        left = (await lab.store.views.experiment(narrow))["iterations"]["queued"]
        await lab.ended(narrow)

    assert left > 0


async def test_more_than_there_is_is_refused(tmp_path: Path) -> None:
    """Each stage is named with what it needs and what there is; nothing is accepted."""
    stages = [{**MODEL, "name": "a", "cpus": 3}, {**MODEL, "name": "b", "memory": "1GiB", "after": ["a"]}]
    async with open_lab(tmp_path, InlineExecutor(value), slots=2) as lab:
        with pytest.raises(InvalidSpec) as refused:
            await lab.submit(stage=stages)
        assert await lab.store.views.list_experiments(limit=10) == []

    found = [(problem.where, problem.message) for problem in refused.value.problems]
    assert found == [
        ("stage.a.cpus", "needs 3; this daemon has 2 slots"),
        ("stage.b.memory", 'cannot be held by the executor "process"'),
    ]


async def test_with_fewer_slots_than_before_a_wide_stage_takes_them_all(tmp_path: Path) -> None:
    """An experiment that was accepted goes on under a daemon that has become smaller."""
    async with open_lab(tmp_path, InlineExecutor(value), slots=4) as lab:
        experiment = await lab.submit(stage=[{**MODEL, "cpus": 4}], space={"x": list(range(50))})
    executor = InlineExecutor(value, abilities=ONE_BY_ONE)
    async with open_lab(tmp_path, executor, slots=2) as lab:
        ended = await lab.ended(experiment)

    assert (ended["state"], executor.most_at_once) == ("succeeded", 1)


async def _measured(lab: Lab, walls: list[float]) -> int:
    """An experiment whose evaluations took so long, with a timeout of thrice their median."""
    stage = [{**MODEL, "timeout": {"factor": 3.0}}]
    experiment = await lab.submit(
        stage=stage, space=None, search={"method": "list", "params": [{"x": x} for x in walls]}
    )
    await lab.ended(experiment)
    return experiment


async def test_a_timeout_follows_the_median(tmp_path: Path) -> None:
    """The first five run without; from then on it is the factor times the median of all that succeeded before."""
    timed = Timed()
    executor = InlineExecutor(timed, abilities=ONE_BY_ONE)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await _measured(lab, [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0])

    first, following = timed.timeouts[:5], timed.timeouts[5:]
    assert first == [None] * 5
    assert following == [90.0, 105.0]


async def test_a_timeout_is_remembered_over_a_restart(tmp_path: Path) -> None:
    """What is run again under a fresh daemon has the timeout that the others' times give."""
    async with open_lab(tmp_path, InlineExecutor(Timed(), abilities=ONE_BY_ONE), slots=1) as lab:
        experiment = await _measured(lab, [10.0, 20.0, 30.0, 40.0, 50.0, 60.0])
    timed = Timed()
    async with open_lab(tmp_path, InlineExecutor(timed, abilities=ONE_BY_ONE), slots=1) as lab:
        since = await lab.now()
        await lab.retry(f"{experiment}.3.1")
        await lab.ended(experiment, since=since)

    assert timed.timeouts == [120.0]


async def test_nothing_starts_while_too_many_results_are_not_on_record_and_it_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a bound of nothing every batch waits for the record of those before it: what is started is never ahead of it."""
    monkeypatch.setattr(permits, "MOST_UNRECORDED", -1)
    (tmp_path / "closed").mkdir()
    (tmp_path / "open").mkdir()
    closed = InlineExecutor(value, abilities=ONE_BY_ONE)
    async with open_lab(tmp_path / "closed", closed, slots=2) as lab:
        waiting = await lab.submit(space={"x": [1, 2, 3]})
        await lab.waits(waiting)
        reasons = await lab.orchestrator.explain(Ref(ExperimentId(waiting)))
        assert reasons[0].reason == "record"
    monkeypatch.setattr(permits, "MOST_UNRECORDED", 0)
    open_ = InlineExecutor(value, abilities=ONE_BY_ONE)
    async with open_lab(tmp_path / "open", open_, slots=2) as lab:
        ended = await lab.run(space={"x": list(range(100))})
        told = await lab.events("iterations_started", "iterations_finished")
    assert ended["iterations"]["succeeded"] == 100
    ahead = most = 0
    for event in told:
        ahead += len(event["refs"]) * (1 if event["kind"] == "iterations_started" else -1)
        most = max(most, ahead)
    assert most <= 2 * 2  # executing, and standing by


async def test_a_pause_takes_nothing_of_the_wall_time(tmp_path: Path) -> None:
    """Paused for longer than the limit, also over a restart, it goes on where it was; both moves are decisions on record."""
    gate = anyio.Event()
    executor = InlineExecutor(value, abilities=ONE_BY_ONE, gate=gate, holds=lambda evaluation: evaluation.variant > 1)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(space={"x": list(range(10))}, limits={"wall": "1s"})
        await lab.started(2)
        await lab.pause("1")
        paused_us = now_us()
        gate.set()
        await lab.until(lambda event: event["kind"] == "iterations_finished" and "1.2.1" in event["refs"])
    async with open_lab(tmp_path, executor, slots=1) as lab:
        while now_us() < paused_us + SECOND_US:
            await anyio.lowlevel.checkpoint()
        standing = await lab.states(1)
        await lab.resume("1")
        ended = await lab.ended(1)
        decided = [*await lab.decisions(1, "pause"), *await lab.decisions(1, "resume")]

    assert standing["1.10"] == ["proposed", "queued"]
    assert (ended["state"], ended["iterations"]["succeeded"]) == ("succeeded", 10)
    assert [(one["rule"], one["message"]) for one in decided] == [("hand", "paused by hand"), ("hand", "it goes on")]
