"""Claims about running again what failed or was cancelled, and about what is submitted and removed."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.domain.refs import parse_ref
from orchestrator.errors import Conflict, ExecutorUnusable, InvalidRequest, NotFound
from tests.support.inline import InlineExecutor, Mended, metrics
from tests.support.lab import Lab, open_lab

pytestmark = pytest.mark.asyncio


def value(parameters: Any, *_: Any) -> Any:
    """The parameter itself."""
    return metrics(value=float(parameters["x"]))


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
    """A failed variant retried while others still run is evaluated before the round is decided; limits of time go on as they were."""
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
        (asked,) = await lab.decisions(1, "retry")
        renewed = (await lab.store.views.read("lane_times", {"experiment": 1}))["reopened_us"]

    assert answer["iterations"] == 1
    assert (asked["rule"], asked["message"], renewed) == ("hand", "1 evaluation of 1.1 is queued anew", None)
    assert (ended["best"], ended["iterations"]["succeeded"], len(decided)) == ("1.1", 3, 1)


async def test_only_what_failed_can_be_run_again(tmp_path: Path) -> None:
    """With one failed, one cancelled and one held variant, `failed_only` queues the failed one alone, and says how many."""
    evaluator = Mended(broken={1})
    gate = anyio.Event()
    executor = InlineExecutor(evaluator, gate=gate, holds=lambda evaluation: evaluation.variant == 3)
    async with open_lab(tmp_path, executor) as lab:
        await lab.submit(limits={"max_parallel": 2}, space={"x": [1, 2, 3, 4]})
        await lab.until(lambda event: event["kind"] == "variants_finished" and "1.1" in event["refs"])
        await lab.cancel("1.3")
        gate.set()
        await lab.ended(1)
        evaluator.broken = set()
        with pytest.raises(Conflict, match=r"nothing under 1\.3 has failed"):
            await lab.orchestrator.retry(parse_ref("1.3"), failed_only=True)
        since = await lab.now()
        answer = await lab.orchestrator.retry(parse_ref("1"), failed_only=True)
        after = await lab.ended(1, since=since)
        states = await lab.states(1)

    assert {key: answer[key] for key in ("iterations", "failed", "variants")} == {
        "iterations": 1,
        "failed": 1,
        "variants": 1,
    }
    assert (states["1.1"], states["1.3"]) == (["evaluated", "succeeded"], ["cancelled", "cancelled"])
    assert (after["state"], after["best"]) == ("succeeded", "1.1")


async def test_the_breaker_counts_what_is_run_again_once(tmp_path: Path) -> None:
    """Failures that are retried while it runs do not count any more, by case too: three times two failures are never more than two."""
    evaluator = Mended(broken={1, 2})
    gate = anyio.Event()
    executor = InlineExecutor(evaluator, gate=gate, holds=lambda evaluation: evaluation.variant == 3)
    async with open_lab(tmp_path, executor) as lab:
        await lab.submit(limits={"max_parallel": 2, "max_failures": {"count": 2}}, cases=["a"])
        since = 0
        for turn in range(3):
            both: set[str] = set()

            def over(event: dict[str, Any], both: set[str] = both) -> bool:
                both.update(event["refs"] if event["kind"] == "variants_finished" else ())
                return both >= {"1.1", "1.2"}

            since = (await lab.until(over, since=since))["seq"]
            evaluator.broken = {1, 2} if turn < 2 else set()
            await lab.orchestrator.retry(parse_ref("1"), failed_only=True)
        progress = await lab.orchestrator.progress(1)
        gate.set()
        ended = await lab.ended(1)

    assert (ended["state"], ended["iterations"]["succeeded"]) == ("succeeded", 3)
    assert progress["cases"][0]["finished"] <= 2


async def test_two_retries_at_once_reopen_an_experiment_once(tmp_path: Path) -> None:
    """Both parts are run again, in one course that is decided once."""
    evaluator = Mended(broken={1, 2})
    async with open_lab(tmp_path, InlineExecutor(evaluator)) as lab:
        await lab.run()
        evaluator.broken = set()
        since = await lab.now()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lab.retry, "1.1")
            tasks.start_soon(lab.retry, "1.2")
        after = await lab.ended(1, since=since)
        states = await lab.states(1)
        reopened = await lab.events("experiment_reopened")

    assert (after["state"], after["best"]) == ("succeeded", "1.1")
    assert states == {f"1.{number}": ["evaluated", "succeeded"] for number in (1, 2, 3)}
    assert len(reopened) == 1


@pytest.mark.parametrize("order", ["retry first", "end first"])
@pytest.mark.parametrize("steps", range(6))
async def test_a_retry_that_crosses_the_end_of_its_variant_is_not_lost(tmp_path: Path, order: str, steps: int) -> None:
    """Whether the variant's last iteration ends just before, while or just after the retry is stored: all of it is run and decided."""
    evaluator = Mended(broken={1})
    gate = anyio.Event()
    executor = InlineExecutor(evaluator, gate=gate, holds=lambda one: one.repeat == 2)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(space={"x": [1]}, repeats=2)
        await lab.until(lambda event: "1.1.2" in event.get("refs", []) and event["kind"] == "iterations_started")
        evaluator.broken = set()
        async with anyio.create_task_group() as tasks:
            if order == "retry first":
                tasks.start_soon(lab.retry, "1.1.1")
            else:
                gate.set()
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            if order == "retry first":
                gate.set()
            else:
                tasks.start_soon(lab.retry, "1.1.1")
        retried = await lab.until(lambda event: event["kind"] == "work_retried")
        ended = await lab.ended(1, since=retried["seq"])

    assert (ended["state"], ended["best"]) == ("succeeded", "1.1")
    assert ended["iterations"]["succeeded"] == 2


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
        with pytest.raises(ExecutorUnusable, match=r"no executor 'thread'.*there are: process"):
            await lab.submit(stage=[{"call": "model:evaluate", "executor": "thread"}])

        assert await lab.store.views.list_experiments(limit=10) == []


@pytest.mark.parametrize("phase", ["gating", "selecting", "deciding"])
async def test_a_retry_that_is_asked_for_while_an_experiment_ends_is_carried_out(tmp_path: Path, phase: str) -> None:
    """Asked for while it still goes on, it may come to its turn when the experiment has ended: it runs again all the same."""
    async with open_lab(tmp_path, InlineExecutor(value, gate=anyio.Event())) as lab:
        for _ in range(5):
            since = await lab.now()
            experiment = await lab.submit(space={"x": [1]})
            await lab.started(1, since=since)
            since = await lab.now()
            await lab.cancel(f"{experiment}.1.1")
            await lab.until(lambda event: event.get("phase") == phase, since=since)
            await lab.retry(f"{experiment}.1.1")
            await lab.started(1, since=since)
            assert await lab.states(experiment) == {f"{experiment}.1": ["evaluating", "running"]}
            await lab.cancel(str(experiment))
