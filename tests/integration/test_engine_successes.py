"""Claims about batches that come back in columns: on record is what there would be, had every outcome come by itself."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.evaluation import Batch, BatchResult, Evaluation
from orchestrator.domain.outcome import Outcome, Usage
from orchestrator.domain.successes import Successes
from orchestrator.executors.base import StopSwitch
from tests.support.inline import InlineExecutor, metrics
from tests.support.lab import open_lab

COUNT = 300
PROCESS = {"pid": 7, "start_ticks": 8}
CLOCKED = {"queue_seconds", "longest_queue_seconds", "time_us", "created_us", "finished_us", "started_us", "opened_us"}
"""Columns that tell when the test ran. Of attempts and their sums the times are those that the executor tells."""
PLACES = {"folder", "spec"}
TABLES = (
    "variant",
    "iteration",
    "attempt",
    "usage",
    "usage_wall",
    "usage_total",
    "round",
    "experiment",
    "proposal",
    "decision",
)


def evaluate(parameters: Any, one: Evaluation, _: Any) -> Outcome:
    """Numbers that follow from the parameters, whole and broken ones, and what was measured with them."""
    x = parameters["x"]
    usage = {"started_us": 10**15 + x, "wall_seconds": (x % 7) / 2**17, "cpu_seconds": x / 2**20, "output_bytes": x % 3}
    told = metrics(value=(x - 100) / 8, other=x, third=-x / 4) if x % 2 else metrics(value=float(x), other=x, third=0.5)
    more = {"finished_us": usage["started_us"] + int(usage["wall_seconds"] * 1e6), "max_rss_bytes": 9}
    return told._replace(usage=Usage(**usage, **more, **PROCESS))


class Told(InlineExecutor):
    """Tells its successes in columns or one by one, with some of the metrics."""

    def __init__(self, names: tuple[str, ...], *, in_columns: bool) -> None:
        super().__init__(evaluate)
        self.names = names
        self.in_columns = in_columns
        self.told: list[Successes] = []

    async def run(self, batch: Batch, stop: StopSwitch) -> BatchResult:
        """Evaluate, and tell it in one way or the other."""
        result = await super().run(batch, stop)
        outcomes = {
            place: one._replace(metrics={name: (one.metrics or {})[name] for name in self.names})
            for place, one in result.outcomes.items()
        }
        return BatchResult(outcomes=self.columns(outcomes) if self.in_columns and outcomes else outcomes)

    def columns(self, outcomes: dict[int, Outcome]) -> Successes:
        """The same outcomes, of which nothing is lost on the way."""
        numbers = ("started_us", "wall_seconds", "cpu_seconds", "output_bytes", "max_rss_bytes")
        told, other = [
            Successes(
                {name: [getattr(one.usage, name) for one in outcomes.values()] for name in numbers},
                {name: [(one.metrics or {})[name] for one in outcomes.values()] for name in self.names},
                **PROCESS,
            )
            for _ in range(2)
        ]
        assert dict(other) == outcomes
        self.told.append(told)
        return told

    @property
    def ways(self) -> set[bool]:
        """Of its batches with more than one member: whether somebody has looked at outcomes one by one."""
        return {"_outcomes" in vars(told) for told in self.told if len(told) > 1}


GATE = {"criterion": [{"metric": "value", "op": "<=", "threshold": 5.0}]}
SPECS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "minimize": (("value",), {}),
    "maximize": (("value",), {"objective": {"metric": "value", "goal": "maximize"}}),
    "a whole number": (("other",), {"objective": {"metric": "other", "goal": "maximize"}}),
    "three metrics": (("value", "other", "third"), {}),
    "no objective": (("value",), {"objective": None}),
    "no objective, two metrics": (("value", "other"), {"objective": None}),
    "another objective": (("other",), {}),
    "a gate": (("value", "other"), {"gate": GATE}),
    "a measured objective": (("value",), {"objective": {"metric": "cpu_seconds", "goal": "minimize"}}),
    "cases": (("value",), {"cases": ["a", "b"]}),
    "repeats": (("value",), {"repeats": 2}),
    "two stages": (
        ("value",),
        {"stage": [{"call": "model:evaluate"}, {"name": "late", "call": "model:evaluate", "after": ["main"]}]},
    ),
}


ALIKE = {
    "minimize",
    "maximize",
    "a whole number",
    "three metrics",
    "no objective",
    "a gate",
}
"""Those of which nothing is to be decided variant by variant."""


async def record(folder: Path, executor: Told, *, spec: dict[str, Any]) -> dict[str, Any]:
    """What an experiment leaves in the database, but for when it was, and what its events say of each part."""
    folder.mkdir()
    async with open_lab(folder, executor) as lab:
        await lab.run(space={"x": {"low": 1, "high": COUNT, "step": 1}}, **spec)
        kinds = ("iterations_finished", "variants_finished", "experiment_ended", "decided")
        told = [
            (event["kind"], *part)
            for event in await lab.events(*kinds)
            for part in zip(event.get("refs", [event["ref"]]), event.get("states", [event.get("reason")]), strict=True)
        ]
    with closing(sqlite3.connect(folder / "orchestrator.db")) as connection:
        connection.row_factory = sqlite3.Row
        tables = {name: [whole(name, row) for row in connection.execute(f"SELECT * FROM {name}")] for name in TABLES}
    return {**tables, "told": sorted(told)}


def whole(table: str, row: sqlite3.Row) -> dict[str, Any]:
    """A row without what a clock decides, and with sums of floats as near as their order leaves them."""
    kept = {"started_us", "finished_us"} if table == "attempt" else set()
    sums = table.startswith("usage")
    return {
        key: pytest.approx(value) if sums and isinstance(value, float) else value
        for key, value in dict(row).items()
        if key not in CLOCKED - kept and key not in PLACES
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("named", sorted(SPECS))
async def test_columns_come_to_what_single_outcomes_come_to(tmp_path: Path, named: str) -> None:
    """The tables and what events say are the same, whatever the objective, the metrics and the parts of a variant."""
    names, spec = SPECS[named]
    one_by_one = await record(tmp_path / "single", Told(names, in_columns=False), spec=spec)
    executor = Told(names, in_columns=True)
    in_columns = await record(tmp_path / "columns", executor, spec=spec)
    assert executor.ways == {named not in ALIKE}
    assert len(one_by_one["attempt"]) >= COUNT
    for name, rows in one_by_one.items():
        assert in_columns[name] == rows, name
