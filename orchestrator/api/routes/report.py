"""report: what an experiment came to, what it used, and why parts of it failed."""

from dataclasses import replace

from fastapi import APIRouter

from orchestrator.api.answers import Answer
from orchestrator.api.services import READING, ExperimentRef, Given
from orchestrator.engine.reporting.report import report as report_of

router = APIRouter()


@router.get("/v1/experiments/{ref}/report", dependencies=[READING])
async def report(services: Given, ref: ExperimentRef) -> Answer:
    """Outcome, rounds, best; for each stage attempts, durations, CPU, memory, bytes and waiting; failures by cause, with advice.

    And how the stages ran: figures, time line, SLA, bottlenecks, advice, history. Read from sums that are kept while it runs and from
    the last few hundred attempts: as fast for a million evaluations as for one.
    """
    engine = services.orchestrator
    floor = replace(engine.floor, memory_bytes=engine.watch.look().readings.memory_total_bytes)
    return Answer(await report_of(ref, services.views, floor=floor))
