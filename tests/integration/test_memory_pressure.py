"""Claims about memory that runs out in earnest: real processes that hold it, on a machine that is made out to be small."""

import os
from pathlib import Path

import anyio
import pytest

from orchestrator.resources import Readings
from orchestrator.resources.processes import use_of
from tests.support.executors import children, opened
from tests.support.lab import open_lab
from tests.support.machine import EASY
from tests.support.workloads import light_main

pytestmark = pytest.mark.asyncio
MEBIBYTE = 2**20
HOG = """
import os, time

def evaluate(params):
    held = bytearray(os.urandom(2**20) * 160)
    while not os.path.exists("room"):
        time.sleep(0.01)
    return float(params["x"])
"""


class SmallMachine:
    """A probe that measures what the evaluations hold, and has 420 MiB beside what they held when it was made."""

    def __init__(self) -> None:
        self._total_bytes = 420 * MEBIBYTE + sum(use_of([os.getpid()]).memory_bytes)

    def read(self) -> Readings:
        """The real use, on a total that is made up."""
        own = sum(use_of([os.getpid()]).memory_bytes)
        return Readings(
            memory_total_bytes=self._total_bytes,
            memory_available_bytes=max(0, self._total_bytes - own),
            disk_total_bytes=EASY.disk_total_bytes,
            disk_free_bytes=EASY.disk_free_bytes,
        )

    async def next(self) -> Readings:
        """Twenty times a second."""
        with anyio.move_on_after(0.05):
            await anyio.sleep_forever()
        return self.read()


async def test_of_hogs_that_do_not_fit_together_the_newest_gives_way(tmp_path: Path) -> None:
    """Three processes of 160 MiB do not fit: one is killed at a time, with the rest untouched; in the end all have succeeded."""
    (tmp_path / "model.py").write_text(HOG, encoding="utf-8")
    before = children()
    with light_main():
        async with (
            opened("process", tmp_path, slots=3) as rig,
            open_lab(tmp_path, rig.executor, slots=3, probe=SmallMachine()) as lab,
        ):
            experiment = await lab.submit(stage=[{"call": "model:evaluate", "retries": {"max": 0}}])
            told = await lab.until(lambda event: event["kind"] == "iterations_requeued")
            (tmp_path / "room").touch()
            ended = await lab.ended(experiment)
            attempts = await lab.attempts(told["refs"][0])
            others = [await lab.attempts(f"1.{number}.1") for number in (1, 2, 3)]

    assert told["causes"] == ["out_of_memory"]
    assert attempts[0] == (1, "failed", "out_of_memory")
    assert attempts[-1][1] == "succeeded"
    assert [(1, "succeeded", None)] in others
    assert ended["iterations"]["succeeded"] == 3
    assert children() == before
