"""Short batches follow each other in their processes, and not one evaluation more than is allowed executes at one instant."""

from itertools import accumulate
from pathlib import Path

import pytest

from orchestrator.domain.refs import parse_ref
from orchestrator.executors import registry
from tests.support.lab import open_lab
from tests.support.workloads import light_main

COUNT = 400
MODEL = "import time\n\ndef evaluate(params):\n    time.sleep(0.002)\n    return params['x']\n"


@pytest.mark.asyncio
@pytest.mark.parametrize(("slots", "max_parallel"), [(1, 4), (2, 1), (2, 2)])
async def test_no_more_execute_at_one_instant_than_slots_and_max_parallel(
    tmp_path: Path, slots: int, max_parallel: int
) -> None:
    """By the recorded times of hundreds of evaluations in real processes."""
    (tmp_path / "model.py").write_text(MODEL)
    surroundings = registry.Surroundings(folder=tmp_path / "slots", slots=slots, threads=1)
    with light_main():
        async with (
            registry.create("process", surroundings) as executor,
            open_lab(tmp_path, executor, slots=slots) as lab,
        ):
            ended = await lab.run(
                space={"x": {"low": 1, "high": COUNT, "step": 1}}, limits={"max_parallel": max_parallel}
            )
            refs = [f"{ended['id']}.{number}.1" for number in range(1, COUNT + 1)]
            attempts = [(await lab.store.views.iteration(parse_ref(ref)))["attempts"][0] for ref in refs]
    assert ended["iterations"]["succeeded"] == COUNT
    changes = [(attempt["started"], 1) for attempt in attempts] + [(attempt["finished"], -1) for attempt in attempts]
    executing = accumulate(
        change for _, change in sorted(changes)
    )  # an end comes before a beginning at the same instant
    assert max(executing) == min(slots, max_parallel)
