"""Claims about what evaluations report while they run, and about variants that are pruned for it."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.domain.outcome import AttemptEnd, Outcome
from orchestrator.domain.refs import parse_ref
from orchestrator.domain.report import Report, Spent
from orchestrator.engine.promotion import decisions
from orchestrator.engine.receiving import Message
from orchestrator.errors import Conflict, NotFound
from orchestrator.executors.base import Abilities
from tests.support.curves import CurveExecutor
from tests.support.inline import InlineExecutor, failure, metrics
from tests.support.lab import Lab, open_lab

pytestmark = pytest.mark.asyncio
LOSS = {"metric": "loss", "goal": "minimize"}
BAR = {"rule": "threshold", "op": "<=", "threshold": 0.5, "from_step": 3}
ONE_BY_ONE = {"max_parallel": 1}
SINGLE = Abilities(can_kill=True, isolates_crashes=True, batches=False, permit="slot")


def flat(parameters: Any, _: Any) -> list[float]:
    """Ten steps at a tenth of x."""
    return [parameters["x"] / 10] * 10


async def run(lab: Lab, **spec: Any) -> dict[str, Any]:
    """An experiment with the loss as its objective."""
    return await lab.run(**{"objective": LOSS, "limits": ONE_BY_ONE, "space": {"x": [1, 2, 7, 3, 9]}, **spec})


async def rules(lab: Lab) -> dict[str, tuple[str, str | None]]:
    """State and rule of each variant."""
    return {variant["ref"]: (variant["state"], variant["rule"]) for variant in await lab.variants(1)}


async def test_what_does_not_meet_the_bar_is_pruned(tmp_path: Path) -> None:
    """At the first step that is judged, with rule, decision and last report on record; the others are evaluated."""
    async with open_lab(tmp_path, CurveExecutor(flat)) as lab:
        ended = await run(lab, prune=BAR)
        states = await lab.states(1)
        found = await rules(lab)
        decided = await lab.decisions(1, "prune")
        iteration = await lab.store.views.iteration(parse_ref("1.3.1"))
        told = await decisions(parse_ref("1.3"), lab.store.views)
        told_of_another = await decisions(parse_ref("1.1"), lab.store.views)
        export = await lab.export(1)

    assert found == {
        "1.1": ("evaluated", None),
        "1.2": ("evaluated", None),
        "1.3": ("pruned", "threshold"),
        "1.4": ("evaluated", None),
        "1.5": ("pruned", "threshold"),
    }
    assert states["1.3"] == ["pruned", "cancelled"]
    assert (ended["state"], ended["best"], ended["variants"]["pruned"]) == ("succeeded", "1.1", 2)
    assert [(one["rule"], one["message"]) for one in decided] == [
        ("threshold", "1.3.1 pruned by threshold at step 3: 0.7 against 0.5"),
        ("threshold", "1.5.1 pruned by threshold at step 3: 0.9 against 0.5"),
    ]
    assert [report["step"] for report in iteration["reports"]] == [1, 2, 3]
    assert iteration["attempts"][0]["error"] == "pruned by threshold at step 3: 0.7 against 0.5"
    assert (iteration["state"], iteration["cause"], iteration["metrics"]) == ("cancelled", "pruned", None)
    assert [one["result"]["ref"] for one in told if one["kind"] == "prune"] == ["1.3"]
    assert not [one for one in told_of_another if one["kind"] == "prune"]
    assert "3.1,3,main,,1,cancelled,pruned," in export


async def test_a_bar_decides_alike_however_it_was_run(tmp_path: Path) -> None:
    """Whether an evaluation hears of it or runs to its end, whatever runs beside it: the table is the same."""
    exports = []
    for number, (ignores, slots) in enumerate([(False, 1), (True, 1), (False, 4), (True, 4)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with open_lab(folder, CurveExecutor(flat, ignores=ignores), slots=slots) as lab:
            await run(lab, prune=BAR, limits={"max_parallel": 5})
            exports.append(await lab.export(1))
    assert exports == [exports[0]] * 4


async def test_worse_than_the_median_of_those_before_is_pruned(tmp_path: Path) -> None:
    """Of 0.1, 0.2, 0.7, 0.3, 0.9 one after the other, those worse than the median of the ones that succeeded go."""
    async with open_lab(tmp_path, CurveExecutor(flat, abilities=SINGLE)) as lab:
        await run(lab, prune={"rule": "median", "min_reports": 2})
        decided = await lab.decisions(1, "prune")
    assert [one["message"] for one in decided] == [
        "1.3.1 pruned by median at step 1: 0.7 against 0.15",
        "1.4.1 pruned by median at step 1: 0.3 against 0.15",
        "1.5.1 pruned by median at step 1: 0.9 against 0.15",
    ]


async def test_halving_lets_the_best_part_of_each_rung_go_on(tmp_path: Path) -> None:
    """In halves: the first goes on; 7 of two does not; 4 is among the best two of four, and not the best of three that came further."""
    space = {"x": [5, 7, 3, 4, 1]}
    async with open_lab(tmp_path, executor := CurveExecutor(flat)) as lab:
        await run(lab, space=space, prune={"rule": "halving", "reduction": 2, "min_step": 2})
        found = await rules(lab)
    assert [state for state, _ in found.values()] == ["evaluated", "pruned", "evaluated", "pruned", "evaluated"]
    assert {place[0]: step for place, step in executor.steps.items()} == {1: 10, 2: 2, 3: 10, 4: 4, 5: 10}


async def test_the_siblings_of_a_pruned_iteration_do_not_run(tmp_path: Path) -> None:
    """With three repeats one at a time, the first that is cut spares the others."""
    async with open_lab(tmp_path, executor := CurveExecutor(flat)) as lab:
        ended = await run(lab, prune=BAR, repeats=3, space={"x": [9, 1]})
        states = await lab.states(1)
        again = await lab.store.views.iteration(parse_ref("1.1.3"))
    assert states == {"1.1": ["pruned", *["cancelled"] * 3], "1.2": ["evaluated", *["succeeded"] * 3]}
    assert sorted(executor.steps) == [(1, 1), (2, 1), (2, 2), (2, 3)]
    assert (again["cause"], again["attempts"]) == ("pruned", [])
    assert (ended["iterations"]["cancelled"], ended["iterations"]["queued"]) == (3, 0)


async def test_an_evaluation_may_prune_its_variant_itself(tmp_path: Path) -> None:
    """The rule is then `self`, with or without a rule in the file; nothing has failed."""
    itself = Outcome(end=AttemptEnd.CANCELLED, pruned="not worth it")

    def evaluate(parameters: Any, *_: Any) -> Any:
        return itself if parameters["x"] == 2 else metrics(loss=1.0)

    async with open_lab(tmp_path, InlineExecutor(evaluate)) as lab:
        ended = await run(lab, space={"x": [1, 2]})
        found = await rules(lab)
        (decided,) = await lab.decisions(1, "prune")
    assert found == {"1.1": ("evaluated", None), "1.2": ("pruned", "self")}
    assert decided["message"] == "1.2.1 pruned by itself: not worth it"
    assert (ended["iterations"]["failed"], ended["variants"]["pruned"]) == (0, 1)


async def test_what_was_learned_outlives_the_daemon(tmp_path: Path) -> None:
    """After a restart the next is compared with those that had succeeded before."""
    gate = anyio.Event()
    held = CurveExecutor(flat, gate=gate, abilities=SINGLE, holds=lambda evaluation: evaluation.variant > 2)
    spec: dict[str, Any] = {"objective": LOSS, "limits": ONE_BY_ONE, "space": {"x": [1, 2, 9]}}
    async with open_lab(tmp_path, held) as lab:
        await lab.submit(**spec, prune={"rule": "median", "min_reports": 2})
        await lab.until(lambda event: event["kind"] == "variants_finished" and "1.2" in event["refs"])
    async with open_lab(tmp_path, CurveExecutor(flat)) as lab:
        await lab.ended(1)
        found = await rules(lab)
    assert found["1.3"] == ("pruned", "median")


async def test_a_variant_that_was_pruned_when_the_daemon_died_is_not_run_again(tmp_path: Path) -> None:
    """One repeat was cut while the other still ran: after the restart neither runs, and the rule is the one on record."""
    held = CurveExecutor(flat, gate=anyio.Event(), abilities=SINGLE, holds=lambda evaluation: evaluation.iteration == 2)
    spec: dict[str, Any] = {"objective": LOSS, "repeats": 2, "space": {"x": [9]}}
    async with open_lab(tmp_path, held) as lab:
        await lab.submit(**spec, prune=BAR)
        await lab.until(lambda event: event["kind"] == "iterations_finished")
        assert await lab.states(1) == {"1.1": ["evaluating", "cancelled", "running"]}
    async with open_lab(tmp_path, again := CurveExecutor(flat)) as lab:
        await lab.ended(1)
        states, found = await lab.states(1), await rules(lab)
    assert states == {"1.1": ["pruned", "cancelled", "cancelled"]}
    assert (found["1.1"], again.steps) == (("pruned", "threshold"), {})


async def test_a_pruned_variant_can_be_tried_again(tmp_path: Path) -> None:
    """`orc retry` runs it anew; what it reported before counts no more."""

    def curve(parameters: Any, evaluation: Any) -> list[float]:
        return [0.1] if evaluation.attempt > 1 else flat(parameters, evaluation)

    async with open_lab(tmp_path, CurveExecutor(curve)) as lab:
        await run(lab, prune={"rule": "halving"}, space={"x": [1, 9]})
        before = await rules(lab)
        since = await lab.now()
        await lab.retry("1.2")
        await lab.ended(1, since=since)
        after = await rules(lab)
    assert (before["1.2"], after["1.2"]) == (("pruned", "halving"), ("evaluated", None))


async def test_a_report_is_there_while_the_evaluation_runs(tmp_path: Path) -> None:
    """On record and in the progress, with one event for many; what it cost is on record when it has ended."""
    going_on = anyio.Event()

    class Executor(CurveExecutor):
        async def _climb(self, position: int, evaluation: Any, stop: Any) -> Any:
            for number in range(500):
                stop.hear(position, [Report(number, number, 1, {"loss": 1.0 / (1 + number)})])
            stop.spend(position, Spent(0.25, 7))
            await going_on.wait()
            return metrics(loss=0.0)

    async with open_lab(tmp_path, Executor(flat)) as lab:
        await lab.submit(objective=LOSS, space={"x": [1]})
        reported = await lab.until(lambda event: event["kind"] == "reported")
        iteration = await lab.store.views.iteration(parse_ref("1.1.1"))
        progress = await lab.orchestrator.progress(1)
        going_on.set()
        ended = await lab.ended(1)
        events = await lab.events("reported")
    assert (reported["refs"], reported["steps"], reported["count"]) == (["1.1.1"], [499], 500)
    assert (iteration["state"], iteration["reports"][-1]["step"]) == ("running", 499)
    assert progress["reports"] == [{"ref": "1.1.1", "step": 499, "metrics": {"loss": 0.002}}]
    assert (ended["cost_usd"], ended["tokens"], len(events)) == (0.25, 7, 1)


async def test_a_report_through_the_socket_is_of_the_attempt_that_runs(tmp_path: Path) -> None:
    """It is on disk when it is answered; an attempt that is over, and an iteration that does not run, are refused."""
    gate = anyio.Event()
    one = Message(step=4, metrics={"loss": 0.9}, attempt=1)

    async with open_lab(tmp_path, InlineExecutor(lambda *_: metrics(loss=1.0), gate=gate)) as lab:
        await lab.submit(objective=LOSS, space={"x": [1]}, prune=BAR)
        await lab.started(1)
        ref = parse_ref("1.1.1")
        answer = await lab.orchestrator.receiver.receive(ref, one, wait=True)
        on_disk = (await lab.store.views.iteration(ref))["reports"]
        with pytest.raises(Conflict, match=r"attempt 2 of 1\.1\.1 is over: attempt 1 runs"):
            await lab.orchestrator.receiver.receive(ref, Message(step=4, metrics={}, attempt=2), wait=True)
        gate.set()
        await lab.ended(1)
        with pytest.raises(Conflict, match=r"1\.1\.1 does not run: it is cancelled"):
            await lab.orchestrator.receiver.receive(ref, one, wait=True)
        with pytest.raises(NotFound):
            await lab.orchestrator.receiver.receive(parse_ref("1.7.1"), one, wait=True)
        found = await rules(lab)
    assert answer == {
        "ref": "1.1.1",
        "attempt": 1,
        "step": 4,
        "pruned": "pruned by threshold at step 4: 0.9 against 0.5",
    }
    assert [report["step"] for report in on_disk] == [4]
    assert found["1.1"] == ("pruned", "threshold")


async def test_an_attempt_that_fails_after_it_was_cut_is_not_tried_again(tmp_path: Path) -> None:
    """It was to end anyway."""
    cut = Report(0, 5, 1, {"loss": 0.9})

    def evaluate(*_: Any) -> Any:
        return failure()._replace(reports=(cut,))

    async with open_lab(tmp_path, executor := InlineExecutor(evaluate)) as lab:
        stage = [{"call": "model:evaluate", "retries": {"max": 3}}]
        await run(lab, space={"x": [1]}, prune=BAR, stage=stage)
        attempts = await lab.attempts("1.1.1")
    assert (attempts, len(executor.seen)) == ([(1, "cancelled", None)], 1)


async def test_reports_that_come_at_once_share_commits(tmp_path: Path) -> None:
    """Fifty through the socket are on disk when the last of them is answered, and took a handful of commits."""
    gate = anyio.Event()
    async with open_lab(tmp_path, InlineExecutor(lambda *_: metrics(loss=1.0), gate=gate)) as lab:
        await lab.submit(objective=LOSS, space={"x": [1]})
        await lab.started(1)
        ref = parse_ref("1.1.1")

        async def tell(step: int) -> None:
            await lab.orchestrator.receiver.receive(ref, Message(step=step, metrics={"loss": 0.5}), wait=True)

        await tell(0)
        async with anyio.create_task_group() as tasks:
            for step in range(1, 50):
                tasks.start_soon(tell, step)
        on_disk = await lab.store.views.reports(ref, attempt=1, limit=100)
        events = await lab.events("reported")
        gate.set()
        await lab.ended(1)
    assert [report["step"] for report in on_disk] == list(range(50))
    assert (sum(event["count"] for event in events), len(events) < 10) == (50, True)
