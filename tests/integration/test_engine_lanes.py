"""Lanes: how many of their evaluations execute at an instant, and the time they may take in an experiment."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.engine.lanes import Lane
from orchestrator.store.times import now_us
from tests.support.inline import InlineExecutor, metrics
from tests.support.lab import open_lab

pytestmark = pytest.mark.asyncio

STAGE = [{"call": "model:evaluate", "lane": "docs"}]
BRIEF = {"docs": Lane(name="docs", strategy="process", limit_seconds=0.3)}
LONG = {"docs": Lane(name="docs", strategy="process", limit_seconds=300.0)}


def value(parameters: Any, *_: Any) -> Any:
    """The parameter itself."""
    return metrics(value=float(parameters["x"]))


def held(gate: anyio.Event) -> InlineExecutor:
    """All variants but the first wait for the gate."""
    return InlineExecutor(value, gate=gate, holds=lambda evaluation: evaluation.variant > 1)


async def test_a_lane_whose_time_is_used_up_stops_what_runs_and_keeps_what_was_measured(tmp_path: Path) -> None:
    """What runs and waits is cancelled, what had succeeded decides the end, and why is on record, in an event and in the report."""
    async with open_lab(tmp_path, held(anyio.Event()), lanes=BRIEF) as lab:
        ended = await lab.run(stage=STAGE)
        states = await lab.states(1)
        (begun,), (cut,) = await lab.decisions(1, "lane"), await lab.decisions(1, "limit")
        (event,) = await lab.events("limit_reached")
        report = await lab.report(1)

    assert (ended["state"], ended["best"]) == ("succeeded", "1.1")
    assert ended["reason"] == "the 0.3 s that lane docs may take are used up"
    assert states["1.2"] == states["1.3"] == ["cancelled", "cancelled"]
    assert (begun["result"]["lane"], cut["result"]["lane"], cut["inputs"]) == ("docs", "docs", begun["inputs"])
    assert (event["rule"], event["reason"]) == ("lane", cut["message"])
    (lane,) = report["execution"]["sla"]["lanes"]
    assert (lane["verdict"], lane["cut"], lane["runs"]) == ("missed", True, 3)


async def test_what_was_cut_short_is_retried_with_time_of_its_own(tmp_path: Path) -> None:
    """After `orc retry` the lane begins anew, also when another daemon leads it to its end."""
    gate = anyio.Event()
    async with open_lab(tmp_path, held(gate), lanes=BRIEF) as lab:
        await lab.run(stage=STAGE)
    async with open_lab(tmp_path, held(gate), lanes=LONG) as lab:
        since = await lab.now()
        await lab.retry("1")
        await lab.started(1, since=since)
    gate.set()
    async with open_lab(tmp_path, held(gate), lanes=LONG) as lab:
        ended = await lab.ended(1, since=since)
        begun = await lab.decisions(1, "lane")
        report = await lab.report(1)

    assert (ended["state"], ended["iterations"]["succeeded"], len(begun)) == ("succeeded", 3, 2)
    assert [lane["cut"] for lane in report["execution"]["sla"]["lanes"]] == [False]


async def test_the_time_of_a_lane_runs_on_over_a_restart(tmp_path: Path) -> None:
    """It is cut short by the next daemon, counted from the first evaluation that an earlier one has started."""
    async with open_lab(tmp_path, held(anyio.Event()), lanes=LONG) as lab:
        await lab.submit(stage=STAGE)
        await lab.started(3)
    async with open_lab(tmp_path, held(anyio.Event()), lanes=BRIEF) as lab:
        ended = await lab.ended(1)
        (begun,), (cut,) = await lab.decisions(1, "lane"), await lab.decisions(1, "limit")

    assert (ended["state"], cut["inputs"]["since"]) == ("succeeded", begun["time"])


async def test_what_other_stages_take_does_not_count_for_a_lane(tmp_path: Path) -> None:
    """Its own evaluations were over in time: the others run to their end, and no limit was reached."""
    gate = anyio.Event()
    executor = InlineExecutor(value, gate=gate, holds=lambda evaluation: evaluation.iteration == 2)
    stages = [{"name": "quick", **STAGE[0]}, {"name": "slow", "call": "model:evaluate", "after": ["quick"]}]
    async with open_lab(tmp_path, executor, lanes=BRIEF) as lab:
        await lab.submit(stage=stages, space={"x": [1]})
        await lab.started(2)
        begun = (await lab.decisions(1, "lane"))[0]
        times = lab.orchestrator._conductors[1].evaluation.times
        with anyio.fail_after(10):
            while times.seconds_left(now_us()) is not None:
                await anyio.lowlevel.checkpoint()
        gate.set()
        ended = await lab.ended(1)
        limits = await lab.decisions(1, "limit")

    assert (begun["result"]["lane"], limits) == ("docs", [])
    assert (ended["state"], ended["iterations"]["succeeded"]) == ("succeeded", 2)
    assert "used up" not in ended["reason"]


async def test_the_workers_of_a_lane_are_evaluations_that_execute_at_an_instant(tmp_path: Path) -> None:
    """Of both experiments together, though short ones travel in batches: a batch executes one at an instant."""
    executor = InlineExecutor(value)
    lanes = {"docs": Lane(name="docs", strategy="process", workers=2)}
    async with open_lab(tmp_path, executor, slots=4, lanes=lanes) as lab:
        many = {"space": {"x": {"low": 1, "high": 300, "step": 1}}, "limits": {"max_parallel": 4}}
        both = [await lab.submit(stage=STAGE, **many) for _ in range(2)]
        for experiment in both:
            assert (await lab.ended(experiment))["iterations"]["succeeded"] == 300

    assert executor.most_at_once == 2
