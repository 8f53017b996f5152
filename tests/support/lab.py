"""The engine over a real store, with evaluations that run in this process: submit, wait for what happens, read what is on record."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from orchestrator.api import pages, table
from orchestrator.domain.refs import ExperimentId, Ref, parse_ref
from orchestrator.engine.lanes import Lane
from orchestrator.engine.orchestrator import Orchestrator
from orchestrator.engine.reporting import report as reporting
from orchestrator.engine.setting import Setting, Submission
from orchestrator.executors.base import Executor
from orchestrator.resources import Probe
from orchestrator.spec.reading import read_experiment
from orchestrator.store.journal import Journal
from orchestrator.store.store import Store, open_store
from tests.support.machine import FedProbe

PATIENCE_SECONDS = 20.0
Event = dict[str, Any]
SPEC: dict[str, Any] = {
    "name": "measured",
    "seed": 11,
    "stage": [{"call": "model:evaluate"}],
    "space": {"x": [1, 2, 3]},
    "objective": {"metric": "value", "goal": "minimize"},
}


@dataclass(frozen=True, slots=True)
class Lab:
    """An open engine."""

    folder: Path
    store: Store
    orchestrator: Orchestrator

    async def submit(self, **changes: Any) -> int:
        """Submit the usual experiment with some of its tables replaced; None takes a table away."""
        spec = {key: value for key, value in {**SPEC, **changes}.items() if value is not None}
        read = read_experiment(spec, folder=self.folder)
        return (await self.orchestrator.submit(Submission(spec=read.spec, folder=str(self.folder)))).id

    async def run(self, **changes: Any) -> dict[str, Any]:
        """Submit, wait for the end, and give the experiment as it is then."""
        return await self.ended(await self.submit(**changes))

    async def until(self, happened: Callable[[Event], bool], *, since: int = 0) -> Event:
        """The first event after `since` that is the one, whether it has come already or is to come."""
        with anyio.fail_after(PATIENCE_SECONDS), self.store.broadcast.subscribe() as subscription:
            for event in await Journal(self.store.feed).events(since=since, limit=100_000):
                if happened(event):
                    return event
            async for events in subscription:
                for event in events:
                    if happened(event):
                        return event
        raise AssertionError

    async def now(self) -> int:
        """The number of the newest event."""
        return (await Journal(self.store.feed).range())[1]

    async def ended(self, experiment: int, *, since: int = 0) -> dict[str, Any]:
        """The experiment once it has ended, after an event number when it is to end anew."""
        await self.until(
            lambda event: event["kind"] == "experiment_ended" and event["ref"] == str(experiment), since=since
        )
        return await self.store.views.experiment(experiment)

    async def started(self, count: int, *, since: int = 0) -> None:
        """Return once so many iterations have been started, of whatever experiment."""
        seen = 0

        def enough(event: Event) -> bool:
            nonlocal seen
            seen += len(event["refs"]) if event["kind"] == "iterations_started" else 0
            return seen >= count

        await self.until(enough, since=since)

    async def waits(self, experiment: int, stage: str = "main") -> None:
        """Return once the last admission has left something of this experiment's stage waiting."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while self.orchestrator.dispatcher.why(experiment, stage) is None:
                await anyio.lowlevel.checkpoint()

    async def events(self, *kinds: str) -> list[Event]:
        """All events of these kinds, or all there are."""
        found = await Journal(self.store.feed).events(since=0, limit=100_000)
        return [event for event in found if not kinds or event["kind"] in kinds]

    async def variants(self, experiment: int) -> list[dict[str, Any]]:
        """All variants as `show` has them."""
        return await self.store.views.variants(experiment, limit=100_000)

    async def states(self, experiment: int) -> dict[str, list[str]]:
        """For each variant's ref its state and those of its iterations."""
        return {
            variant["ref"]: [variant["state"], *(iteration["state"] for iteration in variant["iterations"])]
            for variant in await self.variants(experiment)
        }

    async def decisions(self, experiment: int, kind: str) -> list[dict[str, Any]]:
        """The decisions of one kind, oldest first."""
        found = await self.store.views.decisions(Ref(ExperimentId(experiment)))
        return [decision for decision in found if decision["kind"] == kind]

    async def attempts(self, ref: str) -> list[tuple[int, str, str | None]]:
        """Number, end and cause of every attempt at an iteration."""
        found = await self.store.views.iteration(parse_ref(ref))
        return [(one["attempt"], one["end"], one["cause"]) for one in found["attempts"]]

    async def report(self, experiment: int) -> dict[str, Any]:
        """`orc report`."""
        return await reporting.report(Ref(ExperimentId(experiment)), self.store.views, floor=self.orchestrator.floor)

    async def export(self, experiment: int) -> str:
        """The bytes that `orc export` gives, as text."""
        views = self.store.views
        layout = table.columns(await views.read("name_parts", {"experiment": experiment}), timings=False)
        rows = [
            row
            async for page in pages.variants_under(views, Ref(ExperimentId(experiment)))
            for row in table.rows(page, layout)
        ]
        return table.as_csv([layout.names, *rows]).decode()

    async def cancel(self, ref: str) -> dict[str, Any]:
        """`orc cancel`."""
        return await self.orchestrator.cancel(parse_ref(ref))

    async def retry(self, ref: str) -> dict[str, Any]:
        """`orc retry`."""
        return await self.orchestrator.retry(parse_ref(ref))

    async def pause(self, ref: str) -> dict[str, Any]:
        """`orc pause`."""
        return await self.orchestrator.pause(parse_ref(ref))

    async def resume(self, ref: str) -> dict[str, Any]:
        """`orc resume`."""
        return await self.orchestrator.resume(parse_ref(ref))


@asynccontextmanager
async def open_lab(
    folder: Path,
    executor: Executor | Mapping[str, Executor],
    *,
    slots: int = 2,
    threads: int = 2,
    boot_id: str = "boot",
    lock_folder: Path | None = None,
    probe: Probe | None = None,
    lanes: Mapping[str, Lane] | None = None,
) -> AsyncIterator[Lab]:
    """The engine over the database of a folder, fresh or left there by an earlier one; one executor stands for all names."""
    names = ("isolated", "process", "sequential", "thread")
    executors = executor if isinstance(executor, Mapping) else dict.fromkeys(names, executor)
    setting = Setting(
        runs_folder=folder / "runs",
        socket="",
        boot_id=boot_id,
        slots=slots,
        threads=threads,
        batch_seconds=0.03,
        lock_folder=lock_folder or folder / "locks",
        lanes=lanes or {},
    )
    async with (
        open_store(folder / "orchestrator.db") as store,
        Orchestrator(store, executors, setting, probe=probe or FedProbe()) as orchestrator,
    ):
        yield Lab(folder, store, orchestrator)
