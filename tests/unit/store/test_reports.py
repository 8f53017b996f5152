"""Claims about reports and costs on record."""

from pathlib import Path

import pytest

from orchestrator.domain.outcome import AttemptEnd, Outcome
from orchestrator.domain.refs import parse_ref
from orchestrator.domain.report import Report, Spent
from orchestrator.domain.states import ExperimentState, IterationState, VariantState
from orchestrator.store.changes.experiments import MoveExperiment, RemoveExperiment
from orchestrator.store.changes.iterations import EndedAttempt, EndIterations
from orchestrator.store.changes.reports import AddReports, NewReport, NewSpent, Told
from orchestrator.store.journal import Journal
from orchestrator.store.moves import IterationMove
from orchestrator.store.store import Store, open_store
from orchestrator.store.views import LAST_REPORTS
from tests.support.records import Place, add_experiment, end, rows, start

pytestmark = pytest.mark.asyncio


def told(place: Place, steps: range, *, attempt: int = 1) -> tuple[NewReport, ...]:
    """A report at each of these steps, which are its numbers too."""
    return tuple(
        NewReport(
            *place, attempt, Report(number=step, step=step, time_us=1_000_000 * step, metrics={"loss": 1 / (1 + step)})
        )
        for step in steps
    )


async def begun(store: Store, *, variants: int = 2) -> int:
    """An experiment whose first iterations run."""
    experiment = await add_experiment(store, variants=variants)
    await store.writer.write(start(experiment, [(number, 1) for number in range(1, variants + 1)]))
    return experiment


async def test_an_iteration_shows_its_last_reports(tmp_path: Path) -> None:
    """The last twenty of its last attempt, oldest first, and nobody else's."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        experiment = await begun(store)
        both = (*told((1, 1), range(50)), *told((2, 1), range(3)))
        await store.writer.write(AddReports(experiment=experiment, reports=both))
        first = await store.views.iteration(parse_ref(f"{experiment}.1.1"))
        second = await store.views.iteration(parse_ref(f"{experiment}.2.1"))

    assert [one["step"] for one in first["reports"]] == list(range(50))[-LAST_REPORTS:]
    assert first["reports"][-1] == {"step": 49, "time": "1970-01-01T00:00:49.000000Z", "metrics": {"loss": 0.02}}
    assert [one["step"] for one in second["reports"]] == [0, 1, 2]


async def test_many_reports_are_one_event(tmp_path: Path) -> None:
    """It says which iterations came to which step, and how many reports there were."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        experiment = await begun(store)
        both = (*told((1, 1), range(50)), *told((2, 1), range(3)))
        await store.writer.write(AddReports(experiment=experiment, reports=both))
        events = await Journal(store.views).events(since=0, limit=1000)

    (reported,) = [event for event in events if event["kind"] == "reported"]
    assert (reported["ref"], reported["count"]) == (str(experiment), 53)
    assert dict(zip(reported["refs"], reported["steps"], strict=True)) == {
        f"{experiment}.1.1": 49,
        f"{experiment}.2.1": 2,
    }


async def test_of_very_many_every_second_is_kept(tmp_path: Path) -> None:
    """From the ten thousandth on those on record are thinned, of this attempt only."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        experiment = await begun(store)
        await store.writer.write(AddReports(experiment=experiment, reports=told((2, 1), range(9))))
        for first in range(0, 10_001, 1000):
            await store.writer.write(
                AddReports(experiment=experiment, reports=told((1, 1), range(first, min(first + 1000, 10_001))))
            )
        kept = await rows(store, "SELECT number FROM report WHERE variant = 1 ORDER BY number")
        others = await rows(store, "SELECT count(*) FROM report WHERE variant = 2")

    assert [number for (number,) in kept] == list(range(0, 10_001, 2))
    assert others == [(9,)]


async def test_what_costs_nothing_that_anybody_knows_of_costs_null(tmp_path: Path) -> None:
    """Unknown is not 0."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        experiment = await begun(store, variants=1)
        await store.writer.write(end(experiment, {(1, 1): IterationState.SUCCEEDED}))
        found = await store.views.iteration(parse_ref(f"{experiment}.1.1"))
        whole = await store.views.experiment(experiment)

    assert (found["attempts"][0]["cost_usd"], found["reports"]) == (None, [])
    assert (whole["cost_usd"], whole["tokens"]) == (None, None)


async def test_reports_come_with_the_end_and_go_with_the_experiment(tmp_path: Path) -> None:
    """What is left over is written together with the attempt, with what it cost; removing the experiment removes all of it."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        experiment = await begun(store)
        ending = end(experiment, {(2, 1): IterationState.SUCCEEDED}, variants={2: VariantState.EVALUATED})
        await store.writer.write(ending)
        attempt = EndedAttempt(1, 1, 1, 0.5, Outcome(end=AttemptEnd.SUCCEEDED, metrics={}))
        change = EndIterations(
            experiment=experiment,
            attempts=(attempt,),
            executor="inline",
            moves=(IterationMove(1, 1, IterationState.SUCCEEDED, 1, 0),),
            told=Told(reports=told((1, 1), range(3)), spent=(NewSpent(1, 1, 1, Spent(0.25, 10)),)),
        )
        await store.writer.write(change)
        found = await store.views.iteration(parse_ref(f"{experiment}.1.1"))
        whole = await store.views.experiment(experiment)
        await store.writer.write(MoveExperiment(experiment=experiment, target=ExperimentState.CANCELLED))
        await store.writer.write(RemoveExperiment(experiment=experiment))
        left = await rows(store, "SELECT count(*) FROM report")

    assert len(found["reports"]) == 3
    assert (found["attempts"][0]["cost_usd"], found["attempts"][0]["tokens"]) == (0.25, 10)
    assert (whole["cost_usd"], whole["tokens"]) == (0.25, 10)
    assert left == [(0,)]
