"""Brings what running evaluations report to disk: gathered for all experiments, at most one commit a second unless somebody waits."""

from collections.abc import Iterable

import anyio
import structlog

from orchestrator.engine.durably import DurableWriter
from orchestrator.errors import OrchestratorError
from orchestrator.store.changes.reports import AddReports, NewReport, ReportsOfAll

log = structlog.get_logger(__name__)

SHORTEST_SECONDS = 1.0
Key = tuple[int, int, int]  # experiment, variant, iteration


class ReportWriter:
    """Holds reports until they are written: by `run`, by `flush`, or by whoever takes them along with an attempt's end."""

    def __init__(self, store: DurableWriter) -> None:
        self._store = store
        self._pending: dict[Key, list[NewReport]] = {}
        self._gathered = anyio.Event()
        self._turn = anyio.Lock()  # held while something is written: who flushes next finds that on disk, too

    def add(self, experiment: int, report: NewReport) -> None:
        """Have a report written soon."""
        self._pending.setdefault((experiment, report.variant, report.iteration), []).append(report)
        self._gathered.set()

    def take(self, keys: Iterable[Key]) -> tuple[NewReport, ...]:
        """What has not been sent to the store yet of some iterations; it is the caller's from now on."""
        return tuple(report for key in keys for report in self._pending.pop(key, ()))

    async def run(self) -> None:
        """Write what has gathered, again and again, until cancelled."""
        while True:
            await self._gathered.wait()
            await self.leave()
            await anyio.sleep(SHORTEST_SECONDS)

    async def leave(self) -> None:
        """Write what has gathered, if that is possible."""
        try:
            await self.flush()
        except OrchestratorError as error:
            log.error("reports_lost", error=error.message)

    async def flush(self) -> None:
        """Write what has gathered; returns once it is on disk. Raises StoreError."""
        async with self._turn:
            gathered, self._pending = self._pending, {}
            self._gathered = anyio.Event()
            by_experiment: dict[int, list[NewReport]] = {}
            for (experiment, _, _), reports in gathered.items():
                by_experiment.setdefault(experiment, []).extend(reports)
            parts = tuple(AddReports(experiment=one, reports=tuple(reports)) for one, reports in by_experiment.items())
            if parts:
                await self._store.write(ReportsOfAll(parts=parts))
