"""Claims about what a person can ask of a running engine: pause, resume, cancel, retry, remove, submit again."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.domain.refs import parse_ref
from orchestrator.errors import Conflict, ExecutorUnusable, InvalidRequest, NotFound
from tests.support.inline import InlineExecutor, failure, metrics
from tests.support.lab import Lab, open_lab

pytestmark = pytest.mark.asyncio
ALONE = {"max_parallel": 1}


def value(parameters: Any, *_: Any) -> Any:
    """The parameter itself."""
    return metrics(value=float(parameters["x"]))


class Mended:
    """An evaluator that fails until it is mended."""

    def __init__(self, *, broken: set[int]) -> None:
        self.broken = broken

    def __call__(self, parameters: Any, *_: Any) -> Any:
        """Fail for what is broken."""
        return failure() if parameters["x"] in self.broken else value(parameters)


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
        with pytest.raises(Conflict, match="cannot become paused"):
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
        gate.set()
        ended = await lab.ended(1)
        states = await lab.states(1)
        number = int(ref.split(".")[1])
        counted = ended["variants"]
        with pytest.raises(Conflict, match="already"):
            await lab.cancel(ref)

    assert (answer["ref"], answer["state"], answer["iterations"]) == (ref, "cancelled", 1)
    assert states == {f"1.{n}": ["cancelled"] * 2 if n == number else ["evaluated", "succeeded"] for n in (1, 2, 3)}
    assert (ended["state"], counted["cancelled"], counted["evaluated"]) == ("succeeded", 1, 2)


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

    assert states["1.1"] == ["cancelled", "succeeded", "cancelled", "succeeded"]
    assert states["1.2"] == ["evaluated"] + ["succeeded"] * 3
    assert (ended["state"], ended["best"]) == ("succeeded", "1.2")


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

    assert states == {"1.1": ["evaluated", "succeeded", "succeeded"], "1.2": ["cancelled", "cancelled", "cancelled"]}
    assert ended["state"] == "succeeded"


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
    assert ended["iterations"] == {"total": 100, "succeeded": 99, "failed": 0, "running": 0, "queued": 0, "cancelled": 1}
    assert attempts == [[(1, "succeeded", None)]] * len(mates)


# Retry


async def retried(lab: Lab, ref: str) -> dict[str, Any]:
    """Retry and wait for the new end."""
    since = await lab.now()
    await lab.retry(ref)
    return await lab.ended(1, since=since)


async def test_retrying_an_experiment_that_ended_decides_it_anew(tmp_path: Path) -> None:
    """What failed is run again under the same ref and seed; the end, the selection and the best change; old decisions stay."""
    evaluator = Mended(broken={1, 2})
    executor = InlineExecutor(evaluator)
    async with open_lab(tmp_path, executor) as lab:
        before = await lab.run()
        evaluator.broken = set()
        after = await retried(lab, "1")
        seeds = {(seen.variant, seen.seed) for seen in executor.seen}
        attempts = await lab.attempts("1.1.1")
        selected = [decision["result"]["selected"] for decision in await lab.decisions(1, "select")]
        kinds = [event["kind"] for event in await lab.events("experiment_reopened", "experiment_ended")]

    assert (before["state"], before["best"]) == ("succeeded", "1.3")
    assert (after["state"], after["best"], after["selected"]) == ("succeeded", "1.1", ["1.1"])
    assert attempts == [(1, "failed", "raised"), (2, "succeeded", None)]
    assert len(seeds) == 3
    assert selected == [["1.3"], ["1.1"]]
    assert kinds == ["experiment_ended", "experiment_reopened", "experiment_ended"]
    assert after["iterations"]["total"] == 3


@pytest.mark.parametrize("ref", ["1.2", "1.2.1"])
async def test_retrying_a_part_runs_that_part_only(tmp_path: Path, ref: str) -> None:
    """Of two failures the named one is run again; the other stays as it is."""
    evaluator = Mended(broken={1, 2})
    async with open_lab(tmp_path, InlineExecutor(evaluator)) as lab:
        await lab.run()
        evaluator.broken = set()
        after = await retried(lab, ref)
        states = await lab.states(1)

    assert states == {"1.1": ["failed", "failed"], "1.2": ["evaluated", "succeeded"], "1.3": ["evaluated", "succeeded"]}
    assert after["best"] == "1.2"


async def test_a_success_is_run_again_when_it_is_named(tmp_path: Path) -> None:
    """An iteration that succeeded can be run again; what it measures then counts."""
    results = iter([5.0, 1.0])
    async with open_lab(tmp_path, InlineExecutor(lambda *_: metrics(value=next(results)))) as lab:
        await lab.run(space={"x": [1]})
        with pytest.raises(Conflict, match="nothing under 1 has failed"):
            await lab.retry("1")
        await retried(lab, "1.1.1")
        (variant,) = await lab.variants(1)

    assert variant["metrics"] == {"value": 1.0}
    assert variant["iterations"][0]["attempt"] == 2


async def test_a_retry_while_it_runs_joins_in(tmp_path: Path) -> None:
    """A failed variant retried while others still run is evaluated before the round is decided."""
    evaluator = Mended(broken={1})
    gate = anyio.Event()
    executor = InlineExecutor(evaluator, gate=gate, holds=lambda evaluation: evaluation.variant == 3)
    async with open_lab(tmp_path, executor) as lab:
        await lab.submit(limits={"max_parallel": 2})
        await lab.until(lambda event: event["kind"] == "variants_finished" and "1.1" in event["refs"])
        evaluator.broken = set()
        answer = await lab.retry("1.1")
        gate.set()
        ended = await lab.ended(1)
        decided = await lab.decisions(1, "decide")

    assert answer["iterations"] == 1
    assert (ended["best"], ended["iterations"]["succeeded"], len(decided)) == ("1.1", 3, 1)


async def test_a_retry_of_a_paused_experiment_waits_for_its_resume(tmp_path: Path) -> None:
    """A retry is granted at once while paused, also when everything of the round has ended; it runs after `resume`."""
    evaluator = Mended(broken={1})
    gate = anyio.Event()
    executor = InlineExecutor(evaluator, gate=gate, holds=lambda evaluation: evaluation.variant == 3)
    async with open_lab(tmp_path, executor) as lab:
        await lab.submit(limits={"max_parallel": 2})
        await lab.until(lambda event: event["kind"] == "variants_finished" and "1.1" in event["refs"])
        await lab.pause("1")
        gate.set()
        await lab.until(lambda event: event["kind"] == "variants_finished" and "1.3" in event["refs"])
        evaluator.broken = set()
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        with anyio.fail_after(5):
            await lab.retry("1.1")
        state = (await lab.states(1))["1.1"]
        await lab.resume("1")
        ended = await lab.ended(1)

    assert state == ["evaluating", "queued"]
    assert ended["best"] == "1.1"


async def test_a_cancelled_experiment_can_be_retried(tmp_path: Path) -> None:
    """What was cancelled is queued anew and the experiment ends as if it had not been cancelled."""
    gate = anyio.Event()
    async with open_lab(tmp_path, InlineExecutor(value, gate=gate)) as lab:
        await lab.submit()
        await lab.started(1)
        await lab.cancel("1")
        gate.set()
        after = await retried(lab, "1")

    assert (after["state"], after["best"], after["iterations"]["succeeded"]) == ("succeeded", "1.1", 3)


# Submit and remove


async def test_an_experiment_that_ended_can_be_removed_with_its_output(tmp_path: Path) -> None:
    """`rm` takes an ended experiment and its folder of output; a running one and a part of one are refused."""
    gate = anyio.Event()
    async with open_lab(tmp_path, InlineExecutor(value, gate=gate)) as lab:
        await lab.submit()
        await lab.started(1)
        output = tmp_path / "runs" / "1" / "1"
        output.mkdir(parents=True)
        with pytest.raises(Conflict, match="is running"):
            await lab.orchestrator.remove(parse_ref("1"))
        gate.set()
        await lab.ended(1)
        with pytest.raises(InvalidRequest, match="is a variant"):
            await lab.orchestrator.remove(parse_ref("1.1"))
        await lab.orchestrator.remove(parse_ref("1"))
        with pytest.raises(NotFound):
            await lab.store.views.experiment(1)

    assert not output.parent.exists()


async def test_an_unknown_executor_is_refused_before_anything_is_stored(tmp_path: Path) -> None:
    """Submitting for an executor this daemon does not have is refused with those there are, and leaves no experiment."""
    async with open_lab(tmp_path, {"process": InlineExecutor(value)}) as lab:
        with pytest.raises(ExecutorUnusable, match="no executor 'thread'.*there are: process"):
            await lab.submit(stage=[{"call": "model:evaluate", "executor": "thread"}])

        assert await lab.store.views.list_experiments(limit=10) == []
