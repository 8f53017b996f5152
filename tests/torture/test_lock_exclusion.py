"""Take one lock ten thousand times from two processes that are killed at random: never do both hold it."""

import os
import random
from pathlib import Path

import pytest

from tests.support.exclusive import rivalry
from tests.support.lock_contest import contest
from tests.support.processes import processes_left

HOLDS = 10_000
KILLS = 150


@pytest.mark.torture
@pytest.mark.timeout(1500)
def test_ten_thousand_times_never_twice(tmp_path: Path) -> None:
    """However often a holder is killed, the lock was held alone each time, and no process is left."""
    told = contest(tmp_path, holds=HOLDS, kills=KILLS, seed=int(os.environ.get("TORTURE_SEED", "1")))
    assert told.count(b".") == HOLDS
    assert not processes_left(str(tmp_path))


@pytest.mark.torture
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("executors", [("process", "thread"), ("isolated", "sequential"), ("isolated", "process")])
def test_two_daemons_killed_at_random_never_hold_a_lock_together(tmp_path: Path, executors: tuple[str, str]) -> None:
    """Real evaluations on every executor, under daemons that are killed again and again: each runs alone, none is lost."""
    rng = random.Random(int(os.environ.get("TORTURE_SEED", "1")))
    for iterations in rivalry(tmp_path, executors, count=400, kills=25, rng=rng):
        assert (iterations["succeeded"], iterations["failed"]) == (400, 0)
    assert not processes_left(str(tmp_path))
