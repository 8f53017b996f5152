"""Claims about interruption: whatever cuts it off, a deterministic experiment ends with the table of one that was never interrupted."""

import json
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest

from orchestrator.domain.evaluation import Batch, BatchResult
from orchestrator.domain.outcome import Usage
from orchestrator.domain.refs import parse_ref
from orchestrator.domain.states import Cause
from orchestrator.executors.base import StopSwitch
from orchestrator.store.times import now_us
from orchestrator.store.writer import Transaction
from tests.support.inline import InlineExecutor, failure, metrics
from tests.support.lab import Lab, open_lab
from tests.support.records import NoRoom

pytestmark = pytest.mark.asyncio


def value(parameters: Any, *_: Any) -> Any:
    """The parameter itself."""
    return metrics(value=float(parameters["x"]))


def drawn(parameters: Any, evaluation: Any, job: Any) -> Any:
    """A number that depends on everything an evaluation is given, and fails now and then."""
    if evaluation.seed % 11 == 0:
        return failure(error=f"ValueError: {job.stage}")
    return metrics(value=parameters["x"] + evaluation.seed / 2**32)


def failing_at_length(*_: Any) -> Any:
    """A failure whose text needs room."""
    return failure(error="x" * 200_000)


SEARCH: dict[str, Any] = {
    "stage": [
        {"name": "quick", "call": "model:evaluate", "promote": {"top": 0.5}},
        {"name": "slow", "call": "model:evaluate", "after": ["quick"]},
    ],
    "space": {"x": {"low": 0.0, "high": 1.0}},
    "search": {"method": "random", "variants": 8},
    "cases": ["u", "v"],
    "loop": {"max_rounds": 3},
    "gate": {"criterion": [{"metric": "value", "op": "<=", "threshold": -9.0}]},
}


async def outcome(lab: Lab, experiment: int) -> tuple[Any, ...]:
    """What must not depend on interruptions."""
    ended = await lab.ended(experiment)
    decisions = [
        (one["kind"], one["round"], one["message"])
        for one in await lab.store.views.decisions(parse_ref(str(experiment)))
    ]
    return await lab.export(experiment), ended["state"], ended["reason"], ended["selected"], decisions


async def undisturbed(folder: Path, **spec: Any) -> tuple[Any, ...]:
    """The same experiment from beginning to end."""
    folder.mkdir()
    async with open_lab(folder, InlineExecutor(drawn)) as lab:
        return await outcome(lab, await lab.submit(**spec))


async def cut_off(lab: Lab, count: int, *, since: int) -> None:
    """Return after so many events since then, wherever the engine then is, or at the end."""
    seen = 0

    def enough(event: Any) -> bool:
        nonlocal seen
        seen += 1
        return seen > count or event["kind"] == "experiment_ended"

    await lab.until(enough, since=since)


@pytest.mark.parametrize("seed", range(6))
async def test_an_experiment_cut_off_again_and_again_ends_with_the_same_table(tmp_path: Path, seed: int) -> None:
    """The engine is cancelled at random moments and reopened, many times: export, end, selection and decisions are the same."""
    random = Random(seed)
    print(f"seed {seed}")
    expected = await undisturbed(tmp_path / "undisturbed", **SEARCH)
    folder = tmp_path / "disturbed"
    folder.mkdir()
    async with open_lab(folder, InlineExecutor(drawn)) as lab:
        await lab.submit(**SEARCH)
    over = False
    while not over:
        async with open_lab(folder, InlineExecutor(drawn), slots=random.randint(1, 3)) as lab:
            since = await lab.now()
            over = (await lab.store.views.experiment(1))["finished"] is not None
            if not over:
                await cut_off(lab, random.randint(0, 12), since=since)
    async with open_lab(folder, InlineExecutor(drawn)) as lab:
        found = await outcome(lab, 1)

    assert found == expected


async def test_work_that_was_running_is_lost_but_not_charged(tmp_path: Path) -> None:
    """After a crash on the same boot what ran is recorded as lost with its worker and runs again as the next attempt, uncharged."""
    async with open_lab(tmp_path, InlineExecutor(value, gate=anyio.Event())) as lab:
        await lab.submit()
        await lab.started(2)
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ended = await lab.ended(1)
        attempts = [await lab.attempts(f"1.{number}.1") for number in (1, 2, 3)]
        (recovered,) = await lab.events("iterations_recovered")
        charged = await lab.store.views.read("open_variants", {"experiment": 1, "after": 0, "before": 9**9, "limit": 9})

    assert attempts[:2] == [[(1, "failed", "worker_lost"), (2, "succeeded", None)]] * 2
    assert attempts[2] == [(1, "succeeded", None)]
    assert (recovered["count"], recovered["cause"]) == (2, "worker_lost")
    assert (ended["state"], ended["best"], ended["iterations"]["failed"], charged) == ("succeeded", "1.1", 0, [])


LATER: dict[str, Any] = {"stage": [{"call": "model:evaluate", "retries": {"max": 2, "backoff": "1h"}}]}


async def test_a_back_off_goes_on_after_a_restart(tmp_path: Path) -> None:
    """What waits an hour for its next attempt waits on in the next daemon, for what is left of it, and says so; the rest is run."""
    failed_us = now_us() - 600 * 1_000_000
    some = failure()._replace(usage=Usage(finished_us=failed_us))
    async with open_lab(
        tmp_path, InlineExecutor(lambda *_: some, holds=lambda one: one.variant > 1, gate=anyio.Event())
    ) as lab:
        await lab.submit(**LATER)
        await lab.until(lambda event: event["kind"] == "iterations_requeued")
        await lab.started(3)
    executor = InlineExecutor(value)
    async with open_lab(tmp_path, executor) as lab:
        await lab.until(lambda event: "1.3" in event.get("refs", []))
        (reason,) = await lab.orchestrator.explain(parse_ref("1.1.1"))
        seen = sorted(one.variant for one in executor.seen)
        waiting = lab.orchestrator.dispatcher.waiting
        left = float(reason.message.split(" waits ")[1].split()[0])

    assert (reason.reason, seen, waiting) == ("backoff", [2, 3], 1)
    assert 0.7 * 3600 - 600 < left <= 3000


async def test_a_wait_whose_beginning_nobody_knows_is_waited_whole(tmp_path: Path) -> None:
    """An attempt that failed at an unknown time is followed by the whole wait, counted from the restart."""
    async with open_lab(tmp_path, InlineExecutor(lambda *_: failure())) as lab:
        await lab.submit(**LATER, space={"x": [1]})
        await lab.until(lambda event: event["kind"] == "iterations_requeued")
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        with anyio.fail_after(5):
            while lab.orchestrator.dispatcher.later.until_next() is None:
                await anyio.lowlevel.checkpoint()
        left = lab.orchestrator.dispatcher.later.until_next()

    assert left is not None
    assert 0.75 * 3600 - 10 < left <= 3600


async def test_what_was_cut_off_in_its_second_attempt_waits_for_nothing(tmp_path: Path) -> None:
    """A failure that was waited for before does not delay what the daemon's death has cut off: that runs at once, uncharged."""
    stage = [{"call": "model:evaluate", "retries": {"max": 2, "backoff": "20ms"}}]
    dying = InlineExecutor(lambda *_: failure(Cause.WORKER_LOST), gate=anyio.Event(), holds=lambda one: one.attempt > 1)
    async with open_lab(tmp_path, dying) as lab:
        await lab.submit(stage=stage, space={"x": [1]})
        await lab.started(2)
        await lab.pause("1")
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ((_, _, _, (cut_off,)),) = await lab.store.views.read(
            "open_variants", {"experiment": 1, "after": 0, "before": 9**9, "limit": 9}
        )
        attempts = await lab.attempts("1.1.1")

    assert attempts == [(1, "failed", "worker_lost"), (2, "failed", "worker_lost")]
    assert cut_off[5:] == ["queued", 2, 1, "worker_lost", 1, None, None]


async def test_after_a_reboot_it_was_the_machine(tmp_path: Path) -> None:
    """With another boot id the cause is the machine's loss; with no retries allowed the work is done all the same."""
    async with open_lab(tmp_path, InlineExecutor(value, gate=anyio.Event()), boot_id="one") as lab:
        await lab.submit()
        await lab.started(1)
    async with open_lab(tmp_path, InlineExecutor(value), boot_id="two") as lab:
        ended = await lab.ended(1)
        attempts = await lab.attempts("1.1.1")

    assert attempts == [(1, "failed", "machine_lost"), (2, "succeeded", None)]
    assert ended["state"] == "succeeded"


async def test_a_drain_gives_running_work_its_time_then_interrupts_it(tmp_path: Path) -> None:
    """What does not end in time is interrupted and recorded so; nothing new starts; reopened, it runs as the next attempt."""
    executor = InlineExecutor(value, gate=anyio.Event())
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(limits={"max_parallel": 1})
        await lab.started(1)
        with anyio.fail_after(5):
            await lab.orchestrator.drain(0.01)
        shown = await lab.store.views.experiment(1)
        seen = len(executor.seen)
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ended = await lab.ended(1)
        attempts = await lab.attempts("1.1.1")

    assert (shown["state"], shown["iterations"]["running"], seen) == ("running", 0, 0)
    assert attempts == [(1, "interrupted", None), (2, "succeeded", None)]
    assert ended["state"] == "succeeded"


async def test_a_full_disk_does_not_keep_the_daemon_from_leaving(tmp_path: Path) -> None:
    """A drain ends though nothing can be written any more, and what was not written is run again after the next start."""
    gate = anyio.Event()
    long = {"x": 0.0, "ballast": "x" * 20_000}
    spec: dict[str, Any] = {
        "search": {"method": "list", "params": [long | {"x": float(x)} for x in range(4)]},
        "space": {},
    }
    async with open_lab(tmp_path, InlineExecutor(failing_at_length, gate=gate)) as lab:
        await lab.submit(**spec)
        await lab.started(1)
        await lab.store.writer.write(NoRoom())
        gate.set()
        with anyio.fail_after(10):
            await lab.orchestrator.drain(0.2)
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        assert (await lab.ended(1))["state"] == "succeeded"


async def test_a_drain_lets_work_end_that_ends_in_time(tmp_path: Path) -> None:
    """Work that ends within the time of the drain is recorded as it ended, and the rest waits for the next start."""
    gate = anyio.Event()
    async with open_lab(tmp_path, InlineExecutor(value, gate=gate), slots=1) as lab:
        await lab.submit(limits={"max_parallel": 1})
        await lab.started(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lab.orchestrator.drain, 10)
            await lab.until(lambda event: event["kind"] == "daemon_stopping")
            reasons = await lab.orchestrator.explain(parse_ref("1"))
            gate.set()
        states = await lab.states(1)

    assert "draining" in {reason.reason for reason in reasons} or states["1.1"] == ["evaluated", "succeeded"]
    assert states == {"1.1": ["evaluated", "succeeded"], "1.2": ["proposed", "queued"], "1.3": ["proposed", "queued"]}


async def test_a_paused_experiment_is_paused_after_a_restart(tmp_path: Path) -> None:
    """A pause outlives the daemon; resuming afterwards ends the experiment."""
    async with open_lab(tmp_path, InlineExecutor(value, gate=anyio.Event())) as lab:
        await lab.submit()
        await lab.started(1)
        await lab.pause("1")
    executor = InlineExecutor(value)
    async with open_lab(tmp_path, executor) as lab:
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        seen, idle = len(executor.seen), lab.orchestrator.idle
        state = (await lab.store.views.experiment(1))["state"]
        await lab.resume("1")
        ended = await lab.ended(1)

    assert (state, seen, idle, ended["state"]) == ("paused", 0, True, "succeeded")


async def test_limits_are_what_they_were_after_a_restart(tmp_path: Path) -> None:
    """An experiment that was cut by its limit of evaluations and then interrupted ends by that limit, in the same round."""
    spec = {"space": {"x": {"low": 0.0, "high": 1.0}}, "search": {"method": "random", "variants": 5}}
    limits = {"limits": {"evaluations": 7}}
    expected = await undisturbed(tmp_path / "undisturbed", **spec, **limits)
    folder = tmp_path / "disturbed"
    folder.mkdir()
    gate = anyio.Event()
    async with open_lab(folder, InlineExecutor(drawn, gate=gate, holds=lambda one: one.variant == 7)) as lab:
        await lab.submit(**spec, **limits)
        await lab.until(lambda event: "1.7.1" in event.get("refs", []))
    async with open_lab(folder, InlineExecutor(drawn)) as lab:
        found = await outcome(lab, 1)

    assert found == expected


async def test_rounds_count_on_after_a_restart(tmp_path: Path) -> None:
    """`patience` looks at all rounds, those before an interruption too."""
    spec = {"space": {"x": {"low": 0.0, "high": 1.0}}, "search": {"method": "random", "variants": 3}}
    gate = anyio.Event()
    executor = InlineExecutor(lambda *_: metrics(value=1.0), gate=gate, holds=lambda one: one.variant == 5)
    async with open_lab(tmp_path, executor) as lab:
        await lab.submit(**spec, loop={"max_rounds": 9, "patience": 2})
        await lab.until(lambda event: "1.5.1" in event.get("refs", []))
    async with open_lab(tmp_path, InlineExecutor(lambda *_: metrics(value=1.0))) as lab:
        ended = await lab.ended(1)

    assert (ended["round"], ended["reason"]) == (3, "no improvement in the last 2 rounds")


class Tamper:
    """A change that damages what is on record."""

    def __init__(self, statement: str) -> None:
        self._statement = statement

    def apply(self, transaction: Transaction) -> None:
        """Run the statement."""
        transaction._connection.execute(self._statement)


async def test_an_experiment_that_cannot_be_led_on_ends_and_hinders_no_other(tmp_path: Path) -> None:
    """What this version cannot read ends failed with an internal error as its reason; the daemon starts and the other goes on."""
    async with open_lab(tmp_path, InlineExecutor(value, gate=anyio.Event())) as lab:
        await lab.submit()
        await lab.submit(name="second")
        await lab.submit(name="third")
        await lab.started(1)
        await lab.pause("3")
        spec = json.dumps({"name": "of another version", "stage": [{"call": "a:b", "new_key": 1}]})
        await lab.store.writer.write(Tamper(f"UPDATE experiment SET spec = '{spec}' WHERE id IN (1, 3)"))
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        broken, well, paused = [await lab.ended(number) for number in (1, 2, 3)]

    assert [one["state"] for one in (broken, well, paused)] == ["failed", "succeeded", "failed"]
    assert broken["reason"].startswith("internal error: ")
    assert "new_key" in broken["reason"]
    assert broken["iterations"]["queued"] == broken["iterations"]["running"] == 0


async def test_a_defect_in_a_conductor_ends_its_experiment_only(tmp_path: Path) -> None:
    """An unexpected error while an experiment is led ends it failed, with nothing left open; another one is not touched."""
    async with open_lab(tmp_path, InlineExecutor(value, gate=anyio.Event())) as lab:
        await lab.submit()
        await lab.submit(name="second")
        await lab.started(1)
        await lab.store.writer.write(
            Tamper("UPDATE iteration SET stage = 'unheard of' WHERE experiment = 1 AND variant = 3")
        )
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        broken, well = await lab.ended(1), await lab.ended(2)

    assert (broken["state"], well["state"]) == ("failed", "succeeded")
    assert broken["reason"] == "internal error: KeyError('unheard of'); the daemon's log has the details"
    assert broken["iterations"]["queued"] == broken["iterations"]["running"] == 0


class Faulty(InlineExecutor):
    """An executor that breaks the contract for one experiment: it raises."""

    async def run(self, batch: Batch, stop: StopSwitch) -> BatchResult:
        """Raise for the first experiment."""
        if batch.job.experiment == 1:
            raise ZeroDivisionError
        return await super().run(batch, stop)


@pytest.mark.parametrize(
    "executor",
    [
        Faulty(value),
        InlineExecutor(lambda p, _, job: metrics(value=float("nan")) if job.experiment == 1 else value(p)),
    ],
    ids=["raises", "gives what cannot be stored"],
)
async def test_an_executor_that_breaks_its_contract_costs_one_experiment(
    tmp_path: Path, executor: InlineExecutor
) -> None:
    """Its experiment ends failed with an internal error and nothing open or running; another one runs to its end."""
    async with open_lab(tmp_path, executor) as lab:
        await lab.submit()
        await lab.submit(name="second")
        broken, well = await lab.ended(1), await lab.ended(2)
        states = await lab.states(1)
        counts = lab.orchestrator.counts()

    assert (broken["state"], well["state"]) == ("failed", "succeeded")
    assert broken["reason"].startswith("internal error: ")
    assert {state for standing in states.values() for state in standing} == {"cancelled"}
    assert counts["slots"]["busy"] == 0
