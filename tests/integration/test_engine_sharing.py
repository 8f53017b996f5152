"""Claims about who runs when: limits that hold, turns that are fair, retries that wait, reasons that are true."""

from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.domain.refs import parse_ref
from orchestrator.domain.states import Cause
from orchestrator.executors.base import Abilities
from tests.support.inline import InlineExecutor, failure, lasting, metrics
from tests.support.lab import open_lab

pytestmark = pytest.mark.asyncio
ONE_BY_ONE = Abilities(can_kill=True, isolates_crashes=True, batches=False, permit="slot")
MANY = {"x": list(range(60))}


def value(parameters: Any, *_: Any) -> Any:
    """The parameter itself."""
    return metrics(value=float(parameters["x"]))


@pytest.mark.parametrize(("slots", "allowed", "expected"), [(4, 2, 2), (2, 5, 2), (4, 1, 1), (3, 3, 3)])
async def test_never_more_run_than_slots_and_the_experiment_allow(
    tmp_path: Path, slots: int, allowed: int, expected: int
) -> None:
    """At no instant does an executor hold more batches than there are slots or than `max_parallel` allows, and it does hold as many."""
    executor = InlineExecutor(value)
    async with open_lab(tmp_path, executor, slots=slots) as lab:
        ended = await lab.run(space={"x": list(range(300))}, limits={"max_parallel": allowed})

    assert ended["iterations"]["succeeded"] == 300
    assert executor.most_at_once == expected


async def test_an_executor_of_width_one_runs_one(tmp_path: Path) -> None:
    """However many slots are free, an executor that runs one at a time is given one at a time."""
    narrow = Abilities(can_kill=True, isolates_crashes=True, batches=False, permit="slot", width=1)
    executor = InlineExecutor(value, abilities=narrow)
    async with open_lab(tmp_path, executor, slots=4) as lab:
        ended = await lab.run(space=MANY)

    assert (ended["iterations"]["succeeded"], executor.most_at_once) == (60, 1)


async def owners(lab: Any) -> list[str]:
    """Whose evaluations were started, one entry for each, in order."""
    events = await lab.events("iterations_started")
    return [ref.split(".")[0] for event in events for ref in event["refs"]]


async def test_two_experiments_share_the_slots(tmp_path: Path) -> None:
    """The second experiment does not wait for the end of the first: from its start on both are served in turns."""
    gate = anyio.Event()
    executor = InlineExecutor(lambda *_: lasting(0.2, value=1.0), gate=gate, abilities=ONE_BY_ONE)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(space=MANY)
        await lab.submit(space=MANY, name="second")
        await lab.waits(2)
        gate.set()
        await lab.ended(1)
        await lab.ended(2)
        order = await owners(lab)

    middle = Counter(order[5:65])
    assert abs(middle["1"] - middle["2"]) <= 6


async def test_a_newcomer_is_served_while_short_batches_stand_by(tmp_path: Path) -> None:
    """An experiment whose short batches stand by one after the other does not keep the next experiment waiting until it is through."""
    gate = anyio.Event()
    executor = InlineExecutor(
        lambda *_: lasting(0.001, value=1.0), gate=gate, holds=lambda evaluation: evaluation.variant == 100
    )
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(space={"x": list(range(1000))}, limits={"max_parallel": 2})
        await lab.until(lambda event: "1.100.1" in event.get("refs", []))
        await lab.submit(space={"x": [1]}, name="second")
        await lab.waits(2)
        gate.set()
        await lab.ended(1)
        await lab.ended(2)
        kinds = ("experiment_submitted", "iterations_started")
        told = [(event["kind"], event.get("refs", [event["ref"]])[0][0]) for event in await lab.events(*kinds)]

    newcomer = told.index(("experiment_submitted", "2"))
    served = told.index(("iterations_started", "2"))
    assert served - newcomer <= 2
    assert ("iterations_started", "1") in told[served:]


async def test_a_higher_priority_goes_first(tmp_path: Path) -> None:
    """Once an experiment of higher priority has work, no slot goes to the lower one until that work is done."""
    gate = anyio.Event()
    executor = InlineExecutor(value, gate=gate, abilities=ONE_BY_ONE)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(space={"x": list(range(10))})
        await lab.started(1)
        await lab.submit(space={"x": list(range(10))}, name="urgent", share={"priority": 5})
        await lab.waits(2)
        gate.set()
        await lab.ended(1)
        order = await owners(lab)

    assert order == ["1"] + ["2"] * 10 + ["1"] * 9


async def test_a_retry_waits_for_its_time_and_the_others_do_not(tmp_path: Path) -> None:
    """A failed attempt is tried again after the back-off, in the same iteration with its seed; the rest runs meanwhile."""
    tried: Counter[int] = Counter()

    def evaluate(parameters: Any, *_: Any) -> Any:
        tried[parameters["x"]] += 1
        return failure(Cause.SIGNALLED) if parameters["x"] == 1 and tried[1] < 3 else value(parameters)

    executor = InlineExecutor(evaluate, abilities=ONE_BY_ONE)
    stage = [{"call": "model:evaluate", "retries": {"max": 2, "backoff": "20ms"}}]
    async with open_lab(tmp_path, executor, slots=1) as lab:
        ended = await lab.run(stage=stage)
        attempts = await lab.attempts("1.1.1")
        requeued = await lab.events("iterations_requeued")

    assert (ended["state"], ended["best"]) == ("succeeded", "1.1")
    assert attempts == [(1, "failed", "signalled"), (2, "failed", "signalled"), (3, "succeeded", None)]
    assert [(event["refs"], event["causes"]) for event in requeued] == [(["1.1.1"], ["signalled"])] * 2
    assert len({one.seed for one in executor.seen if one.variant == 1}) == 1
    assert [one.attempt for one in executor.seen if one.variant == 1] == [1, 2, 3]


async def test_poison_is_stopped_after_three_deaths(tmp_path: Path) -> None:
    """An evaluation that kills its process every time is tried three times of eleven, over a restart too; its neighbours go on."""

    def evaluate(parameters: Any, *_: Any) -> Any:
        return failure(Cause.SIGNALLED, "killed by SIGSEGV") if parameters["x"] == 1 else value(parameters)

    stage = [{"call": "model:evaluate", "retries": {"max": 10}}]
    gate = anyio.Event()
    held = InlineExecutor(evaluate, gate=gate, holds=lambda one: (one.variant, one.attempt) == (1, 3))
    async with open_lab(tmp_path, held, slots=1) as lab:
        await lab.submit(stage=stage)
        await lab.started(5)
    async with open_lab(tmp_path, InlineExecutor(evaluate), slots=1) as lab:
        ended = await lab.ended(1)
        attempts = await lab.attempts("1.1.1")
        error = (await lab.variants(1))[0]["iterations"][0]["error"]
        since = await lab.now()
        await lab.retry("1.1")
        await lab.ended(1, since=since)
        again = await lab.attempts("1.1.1")

    died = (
        (1, "failed", "signalled"),
        (2, "failed", "signalled"),
        (3, "failed", "worker_lost"),
        (4, "failed", "signalled"),
    )
    assert tuple(attempts) == died
    assert error == "killed by SIGSEGV; its process has died 3 times: it is not tried again, whatever its retries say"
    assert (ended["state"], ended["iterations"]["succeeded"]) == ("succeeded", 2)
    assert len(again) == len(attempts) + 3


async def test_retries_end(tmp_path: Path) -> None:
    """With two retries an evaluation that always fails is tried three times, then its variant has failed."""
    executor = InlineExecutor(lambda *_: failure())
    async with open_lab(tmp_path, executor) as lab:
        ended = await lab.run(stage=[{"call": "model:evaluate", "retries": {"max": 2}}], space={"x": [1]})
        attempts = await lab.attempts("1.1.1")

    assert (ended["state"], len(attempts), ended["iterations"]["failed"]) == ("failed", 3, 1)


async def test_a_back_off_can_be_cancelled(tmp_path: Path) -> None:
    """An iteration that waits a long time for its next attempt is cancelled at once, and says before what it waits for."""
    executor = InlineExecutor(lambda *_: failure())
    stage = [{"call": "model:evaluate", "retries": {"max": 2, "backoff": "1h"}}]
    async with open_lab(tmp_path, executor) as lab:
        await lab.submit(stage=stage, space={"x": [1]})
        await lab.until(lambda event: event["kind"] == "iterations_requeued")
        await anyio.lowlevel.checkpoint()
        reasons = await lab.orchestrator.explain(parse_ref("1.1.1"))
        with anyio.fail_after(5):
            await lab.cancel("1.1")
            ended = await lab.ended(1)

    assert [reason.reason for reason in reasons] == ["backoff"]
    assert ended["iterations"]["cancelled"] == 1


async def test_what_waits_says_why(tmp_path: Path) -> None:
    """With one running evaluation allowed and one slot, the rest names the limit, another experiment the slots, the running itself."""
    gate = anyio.Event()
    executor = InlineExecutor(value, gate=gate)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(limits={"max_parallel": 1})
        await lab.started(1)
        await lab.submit(name="second")
        await lab.waits(2)
        said = {ref: await lab.orchestrator.explain(parse_ref(ref)) for ref in ("1", "1.1", "1.2.1", "2.1.1")}
        counts = lab.orchestrator.counts()
        gate.set()
        await lab.ended(1)
        await lab.ended(2)
        after = await lab.orchestrator.explain(parse_ref("1.1"))

    assert {ref: [reason.reason for reason in reasons] for ref, reasons in said.items()} == {
        "1": ["max_parallel", "running"],
        "1.1": ["running"],
        "1.2.1": ["max_parallel"],
        "2.1.1": ["slots"],
    }
    assert "limits.max_parallel (1)" in said["1.2.1"][0].message
    assert "all 1 slots are busy" in said["2.1.1"][0].message
    assert [reason.reason for reason in after] == ["ended"]
    assert counts["slots"] == {"total": 1, "busy": 1}
    assert counts["queue"] == {"iterations": 5}
    assert counts["experiments"] == {"running": 2, "paused": 0, "queued": 0}
    assert all("unknown" not in reason.message for reasons in said.values() for reason in reasons)


async def test_progress_is_told_at_every_level(tmp_path: Path) -> None:
    """A snapshot in the middle counts rounds, variants, cases and iterations, names what runs, and after the end the best."""
    gate = anyio.Event()
    executor = InlineExecutor(
        lambda p, *_: lasting(1.0, value=float(p["x"])), gate=gate, holds=lambda evaluation: evaluation.variant == 2
    )
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(cases=["a", "b"])
        await lab.until(lambda event: "1.2.1" in event.get("refs", []))
        half = await lab.orchestrator.progress(1)
        await lab.orchestrator.pause(parse_ref("1"))
        paused = await lab.orchestrator.progress(1)
        await lab.orchestrator.resume(parse_ref("1"))
        gate.set()
        await lab.ended(1)
        whole = await lab.orchestrator.progress(1)

    assert half["iterations"] == {"total": 6, "succeeded": 2, "failed": 0, "running": 1, "queued": 3, "cancelled": 0}
    assert (half["variants"], half["round_variants"]) == (
        {"total": 3, "finished": 1, "failed": 0},
        {"total": 3, "finished": 1},
    )
    assert half["cases"] == [{"case": "a", "total": 3, "finished": 1}, {"case": "b", "total": 3, "finished": 1}]
    assert (half["running"], half["state"], half["phase"], half["best"]["ref"]) == (
        ["1.2.1"],
        "running",
        "evaluating",
        "1.1",
    )
    assert half["eta_seconds"] is not None
    assert paused["eta_seconds"] is None
    assert [case["finished"] for case in whole["cases"]] == [3, 3]
    assert (whole["state"], whole["running"], whole["eta_seconds"]) == ("succeeded", [], None)
