"""What is over is gone: nothing of an evaluation waits for the garbage collector."""

import gc
from collections import Counter
from pathlib import Path

import pytest

from orchestrator.domain.evaluation import Evaluation
from orchestrator.domain.outcome import Outcome
from orchestrator.domain.successes import Successes
from orchestrator.engine.queue import Ready, RunningBatch
from orchestrator.engine.variant import ActiveIteration, ActiveVariant
from orchestrator.executors import registry
from orchestrator.executors.lease import Lease
from tests.support.lab import open_lab
from tests.support.workloads import light_main

COUNT = 1500
MODEL = "def evaluate(params):\n    return params['x']\n"
MADE_FOR_EACH = (Ready, ActiveVariant, ActiveIteration, Evaluation, RunningBatch, Lease, Outcome, Successes)


@pytest.mark.asyncio
async def test_no_evaluation_is_kept_alive_by_a_cycle(tmp_path: Path) -> None:
    """Of more than a thousand that ran in real processes the collector finds not one, nor a batch that they were in."""
    (tmp_path / "model.py").write_text(MODEL)
    surroundings = registry.Surroundings(folder=tmp_path / "slots", slots=2, threads=1)
    with light_main():
        async with registry.create("process", surroundings) as executor, open_lab(tmp_path, executor, slots=2) as lab:
            gc.collect()
            gc.disable()
            try:
                ended = await lab.run(space={"x": {"low": 1, "high": COUNT, "step": 1}}, limits={"max_parallel": 2})
                gc.set_debug(gc.DEBUG_SAVEALL)
                gc.collect()
                found = Counter(type(each) for each in gc.garbage if isinstance(each, MADE_FOR_EACH))
            finally:
                gc.set_debug(0)
                gc.garbage.clear()
                gc.enable()
    assert ended["iterations"]["succeeded"] == COUNT
    assert found == {}
