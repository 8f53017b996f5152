"""What is heard of a batch while it runs."""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import anyio
import pytest

from orchestrator.domain.report import Report, Spent
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.bell import Bell
from orchestrator.executors.hearing import hearing
from orchestrator.worker import journal
from orchestrator.worker.journal import Journal

pytestmark = pytest.mark.asyncio
PATIENCE_SECONDS = 10.0


class Rig:
    """A journal with a bell, the child's side of it, and what the engine hears."""

    def __init__(self) -> None:
        self.descriptor = journal.create("test")
        self.bell = Bell()
        self.child = Journal(self.descriptor, bell=self.bell.descriptor)
        self.child.begin_batch()
        self.heard: list[tuple[int, list[int]]] = []
        self.arrived = anyio.Event()
        self.stop = StopSwitch(self.hear)

    def hear(self, position: int, reports: Sequence[Report]) -> None:
        self.heard.append((position, [report.step for report in reports]))
        self.arrived.set()

    def note(self, position: int, **what: Any) -> bool:
        return self.child.note(position, json.dumps(what).encode())

    def report(self, position: int, step: int) -> bool:
        return self.note(position, report={"number": step, "step": step, "time_us": 1, "metrics": {}})

    async def news(self) -> None:
        with anyio.fail_after(PATIENCE_SECONDS):
            await self.arrived.wait()
        self.arrived = anyio.Event()

    def steps(self) -> list[int]:
        return [step for _, steps in self.heard for step in steps]


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.bell.close()
    os.close(made.descriptor)


async def test_reports_are_heard_while_it_runs_and_the_last_at_the_end(rig: Rig) -> None:
    """Each once and in order, many together, also when the batch is left before the bell is heard."""
    with hearing(rig.descriptor, rig.bell, stop=rig.stop, count=2):
        rig.child.begin(0)
        rig.report(0, 0)
        await rig.news()
        for step in range(1, 1000):
            rig.report(0, step)
        await rig.news()
        rig.child.finish(0, journal.OUTCOME, b"{}")
        rig.child.begin(1)
        rig.report(1, 1000)
    assert rig.steps() == list(range(1001))
    assert len(rig.heard) <= 4
    assert rig.heard[-1][0] == 1


async def test_whoever_is_to_end_is_told_at_its_next_report(rig: Rig) -> None:
    """Only that evaluation; one that had not begun learns it when it is heard of."""
    with hearing(rig.descriptor, rig.bell, stop=rig.stop, count=3):
        rig.stop.prune(2)
        rig.child.begin(0)
        assert rig.report(0, 0) is False
        rig.stop.prune(0)
        assert rig.report(0, 1) is True
        rig.child.begin(1)
        assert rig.report(1, 2) is False
        rig.child.begin(2)
        assert rig.report(2, 3) is False
        await rig.news()
        assert rig.report(2, 4) is True


async def test_costs_add_up_and_nonsense_is_nothing(rig: Rig) -> None:
    """Whatever a workload has written into its notes, nothing is raised."""
    with hearing(rig.descriptor, rig.bell, stop=rig.stop, count=1):
        rig.child.begin(0)
        rig.note(0, cost={"usd": 0.5, "tokens": 3})
        rig.note(0, cost={"usd": 0.25, "tokens": 0})
        rig.note(0, cost={"usd": -1, "tokens": 0})
        rig.note(0, report={"step": "x"})
        rig.child.note(0, b"[1]")
        rig.child.note(0, b"\xff")
        rig.child.note(0, b"[" * 100_000)
        rig.child.write(7, journal.NOTE, b"{}")
    assert rig.stop.spent == {0: Spent(0.75, 3)}
    assert rig.heard == []


async def test_a_bell_belongs_to_the_next_batch_too(rig: Rig) -> None:
    """What the last batch rang is not heard of the next one, whose first report comes while it runs."""
    with hearing(rig.descriptor, rig.bell, stop=rig.stop, count=1):
        rig.child.begin(0)
        rig.report(0, 0)
    journal.clear(rig.descriptor)
    rig.child.begin_batch()
    rig.heard.clear()
    rig.arrived = anyio.Event()
    with hearing(rig.descriptor, rig.bell, stop=rig.stop, count=1):
        await anyio.lowlevel.checkpoint()
        rig.child.begin(0)
        rig.report(0, 5)
        await rig.news()
        assert rig.steps() == [5]
