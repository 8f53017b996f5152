"""Claims about a retry that meets something else: an end, a cancellation, another round, a page that is read, changed code."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.domain.refs import parse_ref
from orchestrator.engine import durably, evaluation
from orchestrator.engine.loading import load_page
from orchestrator.errors import Conflict
from tests.support.inline import EVERYTHING, InlineExecutor, Mended, failure, metrics
from tests.support.lab import PATIENCE_SECONDS, open_lab
from tests.support.records import Limit

pytestmark = pytest.mark.asyncio


async def test_what_was_cancelled_has_ended_until_it_is_retried(tmp_path: Path) -> None:
    """Cancelled while it waited, retried, and one of the others fails: shares are of what has ended, by case too."""
    evaluator = Mended(broken={19})
    gate = anyio.Event()
    async with open_lab(tmp_path, InlineExecutor(evaluator, gate=gate), slots=1) as lab:
        limits = {"max_parallel": 1, "max_failures": {"ratio": 0.5}}
        await lab.submit(space={"x": list(range(20))}, limits=limits, cases=["a", "b"])
        await lab.started(1)
        for number in range(3, 13):
            await lab.cancel(f"1.{number}")
        cancelled = [case["finished"] for case in (await lab.orchestrator.progress(1))["cases"]]
        for number in range(3, 13):
            await lab.retry(f"1.{number}")
        retried_cases = [case["finished"] for case in (await lab.orchestrator.progress(1))["cases"]]
        gate.set()
        ended = await lab.ended(1)

    assert (cancelled, retried_cases) == ([10, 10], [0, 0])
    assert (ended["state"], ended["iterations"]["succeeded"], ended["iterations"]["failed"]) == ("succeeded", 38, 2)


async def test_a_retry_of_an_earlier_round_counts_when_the_next_is_decided(tmp_path: Path) -> None:
    """What fails in the first round, and passes the gate when it is run again in the second, ends the experiment there."""
    gate = anyio.Event()

    def evaluate(_: Any, evaluation: Any, *__: Any) -> Any:
        if evaluation.variant == 1 and evaluation.attempt == 1:
            return failure()
        return metrics(value=0.0 if evaluation.variant == 1 else 2.0)

    executor = InlineExecutor(evaluate, gate=gate, holds=lambda evaluation: evaluation.variant == 3)
    async with open_lab(tmp_path, executor) as lab:
        await lab.submit(
            space={"x": {"low": 0.0, "high": 1.0}},
            search={"method": "random", "variants": 2},
            gate={"criterion": [{"metric": "value", "op": "<=", "threshold": 1.0}]},
            loop={"max_rounds": 5},
        )
        await lab.until(lambda event: "1.3.1" in event.get("refs", []) and event["kind"] == "iterations_started")
        await lab.retry("1.1")
        gate.set()
        ended = await lab.ended(1)

    assert (ended["state"], ended["round"], ended["best"]) == ("succeeded", 2, "1.1")


async def test_a_retry_waits_for_the_end_that_the_disk_has_no_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends at that moment, with what follows for its variant, is on record before anything of it is queued anew."""
    monkeypatch.setattr(durably, "RETRY_SECONDS", 0.01)
    broken = {1}

    def evaluate(parameters: Any, evaluation: Any, *_: Any) -> Any:
        if evaluation.repeat in broken:
            return failure()
        return metrics(value=1.0, **{f"{number:0100}": 1.0 for number in range(3000 if evaluation.repeat == 2 else 0)})

    gate = anyio.Event()
    executor = InlineExecutor(evaluate, gate=gate, holds=lambda one: one.repeat == 2)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(space={"x": [1]}, repeats=2)
        await lab.until(lambda event: "1.1.2" in event.get("refs", []) and event["kind"] == "iterations_started")
        await lab.store.writer.write(Limit(1))
        gate.set()
        with anyio.fail_after(PATIENCE_SECONDS):
            while lab.orchestrator.degraded is None:
                await anyio.lowlevel.checkpoint()
        broken.clear()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lab.retry, "1.1.1")
            for _ in range(50):
                await anyio.lowlevel.checkpoint()
            since = await lab.now()
            await lab.store.writer.write(Limit(None))
        ended = await lab.ended(1, since=(await lab.until(lambda e: e["kind"] == "work_retried", since=since))["seq"])
        states = await lab.states(1)

    assert (ended["state"], states) == ("succeeded", {"1.1": ["evaluated", "succeeded", "succeeded"]})


async def test_what_ends_while_a_page_is_read_is_not_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry has everything read anew: what was read as open, and has ended when that is looked at, is over."""
    evaluator = Mended(broken={1})
    gate, read, looked_at = anyio.Event(), anyio.Event(), anyio.Event()

    async def load_late(*arguments: Any, **named: Any) -> Any:
        page = await load_page(*arguments, **named)
        if page and not read.is_set():
            read.set()
            await looked_at.wait()
        return page

    one_by_one = replace(EVERYTHING, batches=False)
    executor = InlineExecutor(evaluator, gate=gate, holds=lambda one: one.variant == 2, abilities=one_by_one)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        await lab.submit(space={"x": [1, 2, 3, 4]})
        await lab.until(lambda event: event["kind"] == "variants_finished" and "1.1" in event["refs"])
        evaluator.broken = set()
        monkeypatch.setattr(evaluation, "load_page", load_late)
        since = await lab.now()
        await lab.retry("1.1")
        with anyio.fail_after(PATIENCE_SECONDS):
            await read.wait()
        gate.set()
        await lab.until(
            lambda event: "1.4" in event.get("refs", []) and event["kind"] == "variants_finished", since=since
        )
        looked_at.set()
        ended = await lab.ended(1)

    assert (ended["state"], len(executor.seen)) == ("succeeded", 5), ended["reason"]


async def test_an_experiment_whose_code_cannot_be_read_is_not_opened_again(tmp_path: Path) -> None:
    """Asked to run with the code as it is now: refused, and nothing has changed."""
    code = tmp_path / "model.py"
    code.write_text("")
    async with open_lab(tmp_path, InlineExecutor(Mended(broken={1, 2, 3}))) as lab:
        before = await lab.run()
        code.unlink()
        code.symlink_to("/proc/self/mem")
        with pytest.raises(Conflict, match="cannot be read"):
            await lab.orchestrator.retry(parse_ref("1"), accept_code=True)
        after = await lab.store.views.experiment(1)
        code.unlink()
        code.write_text("changed = True")
        since = await lab.now()
        await lab.orchestrator.retry(parse_ref("1"), accept_code=True)
        await lab.ended(1, since=since)
        kinds = [event["kind"] for event in await lab.events("work_retried", "code_accepted")]

    assert (after["state"], after["iterations"]) == (before["state"], before["iterations"])
    assert kinds == ["work_retried", "code_accepted"]
