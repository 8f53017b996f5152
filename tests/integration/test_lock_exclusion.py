"""Claims about one lock and holders that share nothing but the folder of locks, some of them killed."""

import random
from pathlib import Path

import pytest

from orchestrator.locks import file_of, take
from tests.support.exclusive import rivalry
from tests.support.lock_contest import contest
from tests.support.processes import processes_left


def test_a_lock_is_never_held_twice_whoever_is_killed(tmp_path: Path) -> None:
    """Two holders take one lock 300 times, each of them killed now and then: never together, and in the end it can be taken."""
    told = contest(tmp_path, holds=300, kills=4, seed=random.randrange(2**32))
    assert told == b"." * 300
    with take(file_of(tmp_path / "locks", "gpu0")):
        pass
    assert not processes_left(str(tmp_path))


@pytest.mark.parametrize("executors", [("process", "thread"), ("sequential", "isolated")])
def test_two_daemons_never_run_together_what_needs_one_lock(tmp_path: Path, executors: tuple[str, str]) -> None:
    """With state directories of their own, one of them killed in between: every evaluation runs alone, and both experiments end."""
    rng = random.Random(7)
    for iterations in rivalry(tmp_path, executors, count=8, kills=1, rng=rng):
        assert (iterations["succeeded"], iterations["failed"]) == (8, 0)
    assert (tmp_path / "witness").stat().st_size >= 16
