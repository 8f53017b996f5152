"""Claims about a machine that is short of something: what waits and says why, what goes on by itself, who gives way."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.domain.refs import parse_ref
from orchestrator.engine.admission import Wait
from orchestrator.engine.pressure import MOST_EVICTIONS
from orchestrator.executors.base import Abilities
from tests.support.inline import InlineExecutor, lasting, metrics
from tests.support.lab import Lab, open_lab
from tests.support.machine import EASY, GIBIBYTE, FedProbe

pytestmark = pytest.mark.asyncio
ONE_BY_ONE = Abilities(can_kill=True, isolates_crashes=True, batches=False, permit="slot")
BOUNDED = replace(ONE_BY_ONE, bounds_memory=True)
THREADS = Abilities(can_kill=False, isolates_crashes=False, batches=False, permit="thread")


def value(parameters: Any, *_: Any) -> Any:
    """The parameter itself."""
    return metrics(value=float(parameters["x"]))


async def reasons(lab: Lab, ref: str) -> dict[str, str]:
    """What `orc explain` says: each reason and its sentences."""
    found = await lab.orchestrator.explain(parse_ref(ref))
    return {reason.reason: f"{reason.message}; {reason.would_change}" for reason in found}


async def test_nothing_starts_while_memory_is_short_and_it_goes_on_by_itself(tmp_path: Path) -> None:
    """With 90 % in use nothing starts and the numbers are told; at 74 % it runs to its end with nobody doing anything."""
    executor, probe = InlineExecutor(value), FedProbe()
    probe.feed_memory(90)
    async with open_lab(tmp_path, executor, probe=probe) as lab:
        experiment = await lab.submit()
        await lab.waits(experiment)
        said = await reasons(lab, "1.1.1")
        (shown,) = (await lab.orchestrator.progress(experiment))["waits"]
        seen = len(executor.seen)
        probe.feed_memory(74)
        ended = await lab.ended(experiment)
        after = (await lab.orchestrator.progress(experiment))["waits"]

    assert seen == 0
    assert (shown["reason"], after) == ("memory", [])
    assert shown["message"] in said["memory"]
    assert list(said) == ["memory"]
    assert "90.0 % of the memory" in said["memory"]
    assert "2.4 GiB of memory is freed" in said["memory"]
    assert ended["iterations"]["succeeded"] == 3


async def test_a_full_disk_is_degraded_and_goes_on_by_itself(tmp_path: Path) -> None:
    """Below the headroom nothing starts, the daemon is degraded, every scarce thing is named; with room again it runs."""
    probe = FedProbe()
    probe.feed(disk_free_bytes=2**20, others_cpu_percent=99.0)
    async with open_lab(tmp_path, InlineExecutor(value), probe=probe) as lab:
        experiment = await lab.submit()
        await lab.waits(experiment)
        said, degraded = await reasons(lab, "1"), lab.orchestrator.degraded
        probe.feed(disk_free_bytes=EASY.disk_free_bytes, others_cpu_percent=0.0)
        await lab.ended(experiment)
        after = lab.orchestrator.degraded

    assert list(said) == ["disk", "cpu", "running"]
    assert "1.0 MiB are free" in (degraded or "")
    assert after is None


async def test_while_others_use_the_cpus_one_runs_at_a_time(tmp_path: Path) -> None:
    """With four slots and a machine that others keep busy an experiment goes on with one evaluation at an instant."""
    executor, probe = InlineExecutor(value, abilities=ONE_BY_ONE), FedProbe()
    probe.feed(cpu_percent=100.0, others_cpu_percent=85.0)
    async with open_lab(tmp_path, executor, slots=4, probe=probe) as lab:
        ended = await lab.run(space={"x": list(range(20))})

    assert (ended["iterations"]["succeeded"], executor.most_at_once) == (20, 1)


async def test_our_own_load_limits_nothing(tmp_path: Path) -> None:
    """A machine that our own evaluations use fully is the normal state: all slots stay in use."""
    executor, probe = InlineExecutor(value, abilities=ONE_BY_ONE), FedProbe()
    probe.feed(cpu_percent=100.0, others_cpu_percent=0.0)
    async with open_lab(tmp_path, executor, slots=4, probe=probe) as lab:
        await lab.run(space={"x": list(range(40))})

    assert executor.most_at_once == 4


async def test_declared_memory_must_be_there(tmp_path: Path) -> None:
    """Of evaluations that declare 5 GiB two run on a machine with 12 GiB available; the others wait and say what is missing."""
    gate, probe = anyio.Event(), FedProbe()
    executor = InlineExecutor(value, gate=gate, abilities=BOUNDED)
    async with open_lab(tmp_path, executor, slots=4, probe=probe) as lab:
        experiment = await lab.submit(stage=[{"call": "model:evaluate", "memory": "5GiB"}])
        await lab.started(2)
        await lab.waits(experiment)
        said = await reasons(lab, "1.3.1")
        gate.set()
        ended = await lab.ended(experiment)

    assert list(said) == [Wait.DECLARED_MEMORY]
    assert (
        "12.0 GiB are available, 10.0 GiB of them are promised to what runs, and it declares 5.0 GiB"
        in said[Wait.DECLARED_MEMORY]
    )
    assert (ended["iterations"]["succeeded"], executor.most_at_once) == (3, 2)


async def test_what_never_passes_is_told_first(tmp_path: Path) -> None:
    """More declared memory than the machine has is named before the CPU use of others, which passes."""
    probe = FedProbe()
    probe.feed(cpu_percent=100.0, others_cpu_percent=85.0)
    async with open_lab(tmp_path, InlineExecutor(value, abilities=BOUNDED), probe=probe) as lab:
        experiment = await lab.submit(stage=[{"call": "model:evaluate", "memory": "900GiB"}])
        await lab.waits(experiment)
        said, whole = await reasons(lab, "1.1.1"), await reasons(lab, "1")

    assert list(said) == [Wait.DECLARED_MEMORY, Wait.CPU]
    assert "it can never start here" in said[Wait.DECLARED_MEMORY]
    assert list(whole) == [Wait.DECLARED_MEMORY, Wait.CPU, "running"]


async def test_what_they_use_of_it_is_not_reserved_twice(tmp_path: Path) -> None:
    """Two that declare 5 GiB and hold them leave 5 GiB for a third when 5 are still available."""
    gate, probe = anyio.Event(), FedProbe()
    executor = InlineExecutor(value, gate=gate, abilities=BOUNDED)
    async with open_lab(tmp_path, executor, slots=4, probe=probe) as lab:
        experiment = await lab.submit(stage=[{"call": "model:evaluate", "memory": "5GiB"}])
        await lab.started(2)
        await lab.waits(experiment)
        probe.feed(memory_available_bytes=5 * GIBIBYTE, own_memory_bytes=(5 * GIBIBYTE, 5 * GIBIBYTE))
        await lab.started(3)
        gate.set()
        await lab.ended(experiment)

    assert executor.most_at_once == 3


async def test_the_newest_gives_way_and_is_run_again_uncounted(tmp_path: Path) -> None:
    """When memory runs out the evaluation that began last is stopped; it runs again when there is room, without a retry being used."""
    gate, probe = anyio.Event(), FedProbe()
    executor = InlineExecutor(value, gate=gate, abilities=ONE_BY_ONE)
    async with open_lab(tmp_path, executor, slots=2, probe=probe) as lab:
        experiment = await lab.submit()
        await lab.started(2)
        probe.feed_memory(96)
        told = await lab.until(lambda event: event["kind"] == "iterations_requeued")
        probe.feed_memory(97)  # one is left: it is let be
        await lab.waits(experiment)
        said = await reasons(lab, "1.2.1")
        probe.feed_memory(50)
        gate.set()
        ended = await lab.ended(experiment)
        attempts = {ref: await lab.attempts(ref) for ref in ("1.1.1", "1.2.1")}
        found = await lab.store.views.iteration(parse_ref("1.2.1"))

    assert (told["refs"], told["causes"]) == (["1.2.1"], ["out_of_memory"])
    assert "memory" in said
    assert attempts == {
        "1.1.1": [(1, "succeeded", None)],
        "1.2.1": [(1, "failed", "out_of_memory"), (2, "succeeded", None)],
    }
    assert "96 % of it were in use, more than memory_critical_percent (95)" in found["attempts"][0]["error"]
    assert (ended["state"], ended["iterations"]["succeeded"]) == ("succeeded", 3)


async def test_one_gives_way_for_each_reading(tmp_path: Path) -> None:
    """Of four the two newest are stopped by two readings, and the oldest two go on."""
    gate, probe = anyio.Event(), FedProbe()
    executor = InlineExecutor(value, gate=gate, abilities=ONE_BY_ONE)
    async with open_lab(tmp_path, executor, slots=4, probe=probe) as lab:
        experiment = await lab.submit(space={"x": [1, 2, 3, 4]})
        await lab.started(4)
        stopped = []
        for _ in range(2):
            since = await lab.now()
            probe.feed_memory(99)
            stopped += (await lab.until(lambda event: event["kind"] == "iterations_requeued", since=since))["refs"]
        gate.set()
        probe.feed_memory(10)
        await lab.ended(experiment)

    assert stopped == ["1.4.1", "1.3.1"]


async def test_threads_do_not_give_way(tmp_path: Path) -> None:
    """What cannot be stopped without harm to others runs on, however little memory is left."""
    gate, probe = anyio.Event(), FedProbe()
    executor = InlineExecutor(value, gate=gate, abilities=THREADS)
    async with open_lab(tmp_path, executor, probe=probe) as lab:
        experiment = await lab.submit()
        await lab.started(2)
        probe.feed_memory(99)
        await lab.waits(experiment)
        gate.set()
        probe.feed_memory(10)
        ended = await lab.ended(experiment)

    assert ended["iterations"]["succeeded"] == 3
    assert len(executor.seen) == 3


async def test_nobody_gives_way_for_ever(tmp_path: Path) -> None:
    """After so many times somebody else gives way, so that each of them is done some day."""
    gate, probe = anyio.Event(), FedProbe()
    executor = InlineExecutor(value, gate=gate, abilities=ONE_BY_ONE)
    stopped: Counter[str] = Counter()
    async with open_lab(tmp_path, executor, slots=2, probe=probe) as lab:
        experiment = await lab.submit(space={"x": [1, 2]})
        await lab.started(2)
        for _ in range(MOST_EVICTIONS + 1):
            since = await lab.now()
            probe.feed_memory(99)
            stopped.update((await lab.until(lambda event: event["kind"] == "iterations_requeued", since=since))["refs"])
            probe.feed_memory(10)
            await lab.started(1, since=since)
        gate.set()
        await lab.ended(experiment)

    assert stopped == {"1.2.1": MOST_EVICTIONS, "1.1.1": 1}


async def test_nobody_looks_at_an_idle_machine(tmp_path: Path) -> None:
    """Without work, and with paused work, no reading is waited for."""
    gate, probe = anyio.Event(), FedProbe()
    async with open_lab(tmp_path, InlineExecutor(value, gate=gate, abilities=ONE_BY_ONE), probe=probe) as lab:
        before = probe.asked
        await lab.submit()
        await lab.started(2)
        await lab.pause("1")
        gate.set()
        await lab.until(lambda event: event["kind"] == "iterations_finished" and "1.2.1" in event["refs"])
        probe.feed()  # what was waited for while it ran
        with anyio.fail_after(5):
            while lab.orchestrator.dispatcher.permits.busy["slot"]:
                await anyio.lowlevel.checkpoint()
        paused = probe.asked
        probe.feed()
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        idle = probe.asked
        await lab.resume("1")
        await lab.ended(1)

    assert before == 0
    assert paused == idle


async def served(folder: Path, first: dict[str, Any], second: dict[str, Any], *, x: tuple[int, int] = (60, 60)) -> str:
    """Whose evaluations were started, in order, of two experiments that both want one slot."""
    gate = anyio.Event()
    executor = InlineExecutor(lambda *_: lasting(0.2, value=1.0), gate=gate, abilities=ONE_BY_ONE)
    async with open_lab(folder, executor, slots=1) as lab:
        await lab.submit(space={"x": list(range(x[0]))}, share=first)
        await lab.submit(space={"x": list(range(x[1]))}, share=second, name="second")
        await lab.waits(2)
        gate.set()
        await lab.ended(1)
        await lab.ended(2)
        events = await lab.events("iterations_started")
    return "".join(ref[0] for event in events for ref in event["refs"])


async def test_priority_is_a_share_when_it_is_to_be_one(tmp_path: Path) -> None:
    """Of two experiments with priorities 3 and 1 that share by priority the first gets three of four starts, and both go on."""
    order = await served(tmp_path, {"priority": 3, "allocation": "priority"}, {"priority": 1, "allocation": "priority"})

    assert 26 <= order[4:44].count("1") <= 34
    assert "2" in order[:8]


async def test_dynamic_shares_end_together(tmp_path: Path) -> None:
    """An experiment with four times the work gets four times the starts, so that both have their last one at the end."""
    order = await served(tmp_path, {"allocation": "dynamic"}, {"allocation": "dynamic"}, x=(96, 24))

    assert set(order[-20:]) == {"1", "2"}
    assert 10 <= order[:60].count("2") <= 16
