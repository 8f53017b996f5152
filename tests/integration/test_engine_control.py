"""Claims about what a person can ask of a running engine: pause, resume, cancel, retry, remove, submit again."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.domain.refs import parse_ref
from orchestrator.engine.reasons import Reason
from orchestrator.errors import Conflict, InvalidRequest, NotFound
from tests.support.inline import InlineExecutor, lasting, metrics
from tests.support.lab import open_lab

pytestmark = pytest.mark.asyncio
ALONE = {"max_parallel": 1}


def value(parameters: Any, *_: Any) -> Any:
    """The parameter itself."""
    return metrics(value=float(parameters["x"]))


# Pause and resume


async def test_a_pause_lets_running_work_end_and_starts_nothing(tmp_path: Path) -> None:
    """After a pause what runs ends and is recorded, nothing else starts, and `resume` goes on to the end."""
    gate = anyio.Event()
    executor = InlineExecutor(value, gate=gate)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(space={"x": list(range(10))}, limits=ALONE)
        await lab.started(1)
        answer = await lab.pause("1")
        gate.set()
        await lab.until(lambda event: event["kind"] == "iterations_finished")
        reasons = await lab.orchestrator.explain(parse_ref("1"))
        before = len(executor.seen)
        idle = lab.orchestrator.idle
        await lab.resume("1")
        ended = await lab.ended(1)

    assert (answer["state"], before, idle) == ("paused", 1, True)
    assert [(one.reason, one.would_change) for one in reasons] == [("paused", "orc resume 1")]
    assert (ended["state"], len(executor.seen)) == ("succeeded", 10)


async def test_what_stands_by_does_not_start_after_a_pause(tmp_path: Path) -> None:
    """It is on record as running, since it was to begin at once: it is queued again, and has its first attempt when it is resumed."""
    gate = anyio.Event()
    executor = InlineExecutor(value, gate=gate, holds=lambda evaluation: evaluation.variant == 5)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(space={"x": list(range(200))}, limits=ALONE)
        await lab.started(34)  # one alone, thirty-two that execute, and some that stand by
        await lab.pause("1")
        requeued = await lab.until(lambda event: event["kind"] == "iterations_requeued")
        gate.set()
        await lab.until(lambda event: event["kind"] == "iterations_finished", since=requeued["seq"])
        before, running = len(executor.seen), (await lab.store.views.experiment(1))["iterations"]["running"]
        await lab.resume("1")
        ended = await lab.ended(1)
        attempts = {variant["iterations"][0]["attempt"] for variant in await lab.variants(1)}

    assert (before, running) == (33, 0)
    assert (ended["state"], len(executor.seen), attempts) == ("succeeded", 200, {1})


async def test_no_start_is_on_record_between_a_pause_and_its_end(tmp_path: Path) -> None:
    """Whatever was let in when the pause came: its start is written before the pause, or after the experiment goes on."""
    executor = InlineExecutor(lambda *_: lasting(0.02, value=1.0))  # so that a batch has a few
    async with open_lab(tmp_path, executor, slots=2) as lab:
        await lab.submit(space={"x": list(range(2000))})
        for count in range(30):
            await lab.started(1, since=await lab.now())
            for _ in range(count):
                await anyio.lowlevel.checkpoint()
            await lab.pause("1")
            await lab.resume("1")
        ended = await lab.ended(1)
        kinds = [event["kind"] for event in await lab.events()]

    starts = [at for at, kind in enumerate(kinds) if kind == "iterations_started"]
    pauses = [at for at, kind in enumerate(kinds) if kind == "experiment_paused"]
    goes_on = [at for at, kind in enumerate(kinds) if kind == "experiment_resumed"]
    assert (len(pauses), len(goes_on)) == (30, 30)
    assert [at for at in starts if any(a < at < b for a, b in zip(pauses, goes_on, strict=True))] == []
    assert (ended["state"], len(executor.seen)) == ("succeeded", 2000)


async def test_an_experiment_can_be_paused_before_it_begins(tmp_path: Path) -> None:
    """Paused right after it was submitted nothing of it runs; resumed, it runs to its end."""
    executor = InlineExecutor(value)
    async with open_lab(tmp_path, executor) as lab:
        await lab.submit()
        answer = await lab.pause("1")
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        seen = len(executor.seen)
        state = (await lab.store.views.experiment(1))["state"]
        await lab.resume("1")
        ended = await lab.ended(1)

    assert (answer["state"], state, seen) == ("paused", "paused", 0)
    assert ended["state"] == "succeeded"


@pytest.mark.parametrize(
    "moment",
    [
        ("phase_changed", "generating"),
        ("variants_proposed", None),
        ("phase_changed", "evaluating"),
        ("iterations_started", None),
        ("variants_finished", None),
        ("phase_changed", "gating"),
        ("phase_changed", "selecting"),
        ("variants_selected", None),
        ("phase_changed", "deciding"),
    ],
    ids=str,
)
async def test_a_pause_at_any_moment_is_a_pause(tmp_path: Path, moment: tuple[str, str | None]) -> None:
    """Whenever it comes, a pause is either granted, and then holds until it is taken back, or refused since it has ended."""
    kind, phase = moment
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        await lab.submit()
        await lab.until(lambda event: event["kind"] == kind and phase in (None, event.get("phase")))
        try:
            await lab.pause("1")
        except Conflict:
            ended = await lab.ended(1)
        else:
            for _ in range(50):
                await anyio.lowlevel.checkpoint()
            assert (await lab.store.views.experiment(1))["state"] == "paused"
            await lab.resume("1")
            ended = await lab.ended(1)

    assert (ended["state"], ended["best"]) == ("succeeded", "1.1")


async def test_only_what_is_paused_is_resumed_and_only_experiments_are(tmp_path: Path) -> None:
    """Pausing twice, resuming what runs, and either of a variant are refused in words."""
    gate = anyio.Event()
    async with open_lab(tmp_path, InlineExecutor(value, gate=gate)) as lab:
        await lab.submit()
        await lab.started(1)
        with pytest.raises(Conflict, match="is running, not paused"):
            await lab.resume("1")
        await lab.pause("1")
        with pytest.raises(Conflict, match="is paused already"):
            await lab.pause("1")
        with pytest.raises(InvalidRequest, match=r"1\.2 is a variant"):
            await lab.pause("1.2")
        with pytest.raises(NotFound):
            await lab.pause("2")
        await lab.resume("1")
        gate.set()
        await lab.ended(1)
        with pytest.raises(Conflict, match="is succeeded"):
            await lab.pause("1")


# Cancel


async def test_cancelling_an_experiment_leaves_nothing_open(tmp_path: Path) -> None:
    """When `cancel` returns nothing runs, everything that had not ended is cancelled, and the attempts that ran say so."""
    gate = anyio.Event()
    async with open_lab(tmp_path, InlineExecutor(value, gate=gate), slots=2) as lab:
        await lab.submit()
        await lab.started(2)
        answer = await lab.cancel("1")
        shown = await lab.store.views.experiment(1)
        states = await lab.states(1)
        attempts = [await lab.attempts(f"1.{number}.1") for number in (1, 2, 3)]
        with pytest.raises(Conflict, match="experiment 1 is cancelled already"):
            await lab.cancel("1")

    assert (answer["state"], shown["reason"]) == ("cancelled", "cancelled by hand")
    assert set(map(str, states.values())) == {"['cancelled', 'cancelled']"}
    assert attempts == [[(1, "cancelled", None)], [(1, "cancelled", None)], []]
    assert shown["iterations"]["cancelled"] == 3


async def test_a_paused_experiment_can_be_cancelled(tmp_path: Path) -> None:
    """A pause does not stand in the way of cancelling."""
    gate = anyio.Event()
    async with open_lab(tmp_path, InlineExecutor(value, gate=gate)) as lab:
        await lab.submit()
        await lab.started(1)
        await lab.pause("1")

        assert (await lab.cancel("1"))["state"] == "cancelled"


async def test_an_experiment_that_has_not_begun_can_be_cancelled(tmp_path: Path) -> None:
    """Cancelled right after it was submitted it ends cancelled and nothing runs."""
    executor = InlineExecutor(value)
    async with open_lab(tmp_path, executor) as lab:
        await lab.submit()
        answer = await lab.cancel("1")

    assert answer["state"] == "cancelled"


@pytest.mark.parametrize("ref", ["1.1", "1.1.1", "1.3", "1.3.1"])
async def test_cancelling_a_part_leaves_the_rest(tmp_path: Path, ref: str) -> None:
    """A variant, or its only iteration, is cancelled whether it runs or waits; the others decide the end."""
    gate = anyio.Event()
    async with open_lab(tmp_path, InlineExecutor(value, gate=gate), slots=1) as lab:
        await lab.submit(limits=ALONE)
        await lab.started(1)
        answer = await lab.cancel(ref)
        while_it_goes_on = await lab.orchestrator.explain(parse_ref(ref))
        gate.set()
        ended = await lab.ended(1)
        afterwards = await lab.orchestrator.explain(parse_ref(ref))
        states = await lab.states(1)
        number = int(ref.split(".")[1])
        counted = ended["variants"]
        with pytest.raises(Conflict, match="already"):
            await lab.cancel(ref)

    assert (answer["ref"], answer["state"], answer["iterations"]) == (ref, "cancelled", 1)
    assert while_it_goes_on == [Reason("ended", f"{ref} has ended: cancelled", f"orc retry {ref}")]
    assert [one.would_change for one in afterwards] == [f"orc retry {ref}"]
    assert states == {f"1.{n}": ["cancelled"] * 2 if n == number else ["evaluated", "succeeded"] for n in (1, 2, 3)}
    assert (ended["state"], counted["cancelled"], counted["evaluated"]) == ("succeeded", 1, 2)


async def test_a_variant_that_is_far_from_its_turn_can_be_cancelled(tmp_path: Path) -> None:
    """Cancelled before it was even loaded it never runs, though it was proposed a moment ago; all others do."""
    gate = anyio.Event()
    executor = InlineExecutor(value, gate=gate)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(space={"x": list(range(3000))}, limits=ALONE)
        await lab.started(1)
        await lab.cancel("1.2999")
        gate.set()
        ended = await lab.ended(1)

    assert (ended["variants"]["cancelled"], ended["variants"]["evaluated"]) == (1, 2999)
    assert {evaluation.variant for evaluation in executor.seen} == set(range(1, 3001)) - {2999}


async def test_cancelling_one_iteration_of_several(tmp_path: Path) -> None:
    """The variant's other iterations run to their end; then the variant, which needs them all, is cancelled and keeps what was measured."""
    gate = anyio.Event()
    executor = InlineExecutor(value, gate=gate, holds=lambda evaluation: evaluation.variant == 1)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(repeats=3, limits=ALONE)
        await lab.started(1)
        await lab.cancel("1.1.2")
        gate.set()
        ended = await lab.ended(1)
        states = await lab.states(1)
        why = {ref: await lab.store.views.decisions(parse_ref(ref)) for ref in ("1", "1.1", "1.2")}

    assert states["1.1"] == ["cancelled", "succeeded", "cancelled", "succeeded"]
    assert states["1.2"] == ["evaluated"] + ["succeeded"] * 3
    assert (ended["state"], ended["best"]) == ("succeeded", "1.2")
    said = {ref: [one["message"] for one in decisions if one["kind"] == "cancel"] for ref, decisions in why.items()}
    assert said == {"1": ["1.1.2 is cancelled: 1 evaluation"], "1.1": ["1.1.2 is cancelled: 1 evaluation"], "1.2": []}


async def test_cancelling_the_last_open_iteration_ends_its_variant(tmp_path: Path) -> None:
    """When everything else of a variant has succeeded, cancelling what waits of it ends the variant at once."""
    gate = anyio.Event()
    executor = InlineExecutor(value, gate=gate, holds=lambda evaluation: evaluation.variant == 2)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(repeats=2, space={"x": [1, 2]}, limits=ALONE)
        await lab.until(lambda event: "1.2.1" in event.get("refs", []))
        await lab.cancel("1.2.2")
        await lab.cancel("1.2.1")
        ended = await lab.ended(1)
        states = await lab.states(1)
        decided = [one["result"] for one in await lab.decisions(1, "cancel")]

    assert states == {"1.1": ["evaluated", "succeeded", "succeeded"], "1.2": ["cancelled", "cancelled", "cancelled"]}
    assert ended["state"] == "succeeded"
    assert decided == [{"iterations": 1, "variants": 0}] * 2


async def test_what_shares_a_batch_with_something_cancelled_runs_all_the_same(tmp_path: Path) -> None:
    """Stopping a batch for one member gives the others back: each is evaluated, in its first attempt, uncharged."""
    gate = anyio.Event()
    executor = InlineExecutor(value, gate=gate, holds=lambda evaluation: evaluation.variant > 40)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(space={"x": list(range(1, 101))}, limits=ALONE)
        event = await lab.until(lambda event: event["kind"] == "iterations_started" and "1.41.1" in event["refs"])
        mates = [ref for ref in event["refs"] if ref > "1.41.1" and ref != "1.41.1"][:3]
        await lab.cancel("1.41")
        gate.set()
        ended = await lab.ended(1)
        attempts = [await lab.attempts(ref) for ref in mates]

    assert len(event["refs"]) > 1
    assert ended["iterations"] == {
        "total": 100,
        "succeeded": 99,
        "failed": 0,
        "running": 0,
        "queued": 0,
        "cancelled": 1,
    }
    assert attempts == [[(1, "succeeded", None)]] * len(mates)


async def test_a_large_round_is_cancelled_while_it_is_proposed(tmp_path: Path) -> None:
    """What was committed of it is cancelled, the rest is never proposed, and nothing has run."""
    executor = InlineExecutor(value)
    async with open_lab(tmp_path, executor) as lab:
        await lab.submit(space={"x": {"low": 1, "high": 1_000_000, "step": 1}})
        await lab.until(lambda event: event["kind"] == "variants_proposed")
        answer = await lab.cancel("1")
        found = await lab.store.views.experiment(1)

    assert answer["state"] == "cancelled"
    assert 0 < found["variant_count"] < 100_000
    assert found["variants"]["cancelled"] == found["iterations"]["cancelled"] == found["variant_count"]
    assert executor.seen == []
