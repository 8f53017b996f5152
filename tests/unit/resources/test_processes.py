"""What a tree of processes uses."""

import os
import subprocess
import sys

from orchestrator.resources.processes import use_of

GRANDCHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
BURN = "import time\nwhile time.process_time() < 0.2: pass"


def test_descendants_count_however_deep() -> None:
    """A child and its child are one tree below this process, whose own memory does not count."""
    before = len(use_of([os.getpid()]).memory_bytes)
    with subprocess.Popen(
        [sys.executable, "-c", GRANDCHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "1\n"
        trees = use_of([os.getpid()]).memory_bytes
        (grandchild,) = use_of([child.pid]).memory_bytes
        as_one = use_of([os.getpid(), child.pid]).memory_bytes
        child.communicate("\n")
    assert len(trees) == before + 1
    assert 0 < grandchild < max(trees)
    assert grandchild in as_one
    assert list(trees) == sorted(trees, reverse=True)


def test_the_time_of_a_child_that_has_ended_is_kept() -> None:
    """CPU seconds do not shrink when a child ends and is waited for."""
    before = use_of([os.getpid()]).cpu_seconds
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert use_of([os.getpid()]).cpu_seconds - before >= 0.18  # counted in ticks


def test_a_tree_that_is_gone_uses_nothing() -> None:
    """A root that does not exist is no error."""
    assert use_of([2**22 + 1]) == (0.0, ())
    assert use_of([]) == (0.0, ())
