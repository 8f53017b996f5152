"""How the processes of an evaluation are found and ended."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.worker import keeper_system as system
from orchestrator.worker.keeper_trees import Process, children_of, kill_and_wait, signal_members
from tests.support.commands import alive

MARKS = system.marks_of(79)
SHELL = ["/bin/sh", "-c", "sleep 600 & echo x; wait; echo went on >> trace; sleep 600; echo went on >> trace"]
WATCHFUL = [
    *(sys.executable, "-S", "-c"),
    (
        "import os; child = os.spawnlp(os.P_NOWAIT, 'sleep', 'sleep', '600'); print('x', flush=True);"
        "os.waitpid(child, os.WUNTRACED); open('trace', 'a').write('went on')"
    ),
]
"""It also sees that its child was stopped, as a shell with job control does."""


@contextmanager
def marked(folder: Path, mark: int, *commands: list[str]) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """These run in the folder under one mark, and each has begun to wait for its child."""
    own = system.OwnMark()
    own.take(mark)
    try:
        started = [subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE) for command in commands]
    finally:
        own.put_back()
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    try:
        yield started
    finally:
        kill_and_wait((mark,), seconds=5)
        for process in started:
            process.communicate()


@pytest.mark.parametrize(("command", "count"), [(SHELL, 150), (WATCHFUL, 20)], ids=["shell", "watchful"])
def test_none_of_those_that_are_killed_goes_on_when_another_one_ends(
    tmp_path: Path, command: list[str], count: int
) -> None:
    """Scripts that wait for their children are killed with them: not one gets to its next line."""
    mark = MARKS[len(command)]
    with marked(tmp_path, mark, *[command] * count):
        assert kill_and_wait((mark,), seconds=5) == []
    assert not (tmp_path / "trace").exists()


def test_a_script_that_is_asked_to_end_is_asked_before_its_children(tmp_path: Path) -> None:
    """SIGTERM to all of them: nobody gets to its next line."""
    with marked(tmp_path, MARKS[1], *[SHELL] * 20) as scripts:
        pairs = [(script.pid, child) for script in scripts for child in children_of(script.pid)]
        told = signal_members((MARKS[1],), signal.SIGTERM)
        assert {script.wait() for script in scripts} == {-signal.SIGTERM}
    assert not (tmp_path / "trace").exists()
    assert [told.index(script) < told.index(child) for script, child in pairs] == [True] * 20


def test_who_has_taken_off_the_mark_is_killed_by_who_it_is_with_its_children(tmp_path: Path) -> None:
    """A pid with another start time is somebody else, who is left alone."""
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    with marked(tmp_path, MARKS[2], SHELL) as (script,):
        (child,) = children_of(script.pid)
        ticks = system.start_ticks(script.pid)
        assert ticks is not None
        for pid in (script.pid, child):
            resource.prlimit(pid, resource.RLIMIT_RTTIME, unlimited)
        assert kill_and_wait((MARKS[2],), seconds=5, also=[Process(script.pid, ticks + 1)]) == []
        assert script.poll() is None
        assert kill_and_wait((MARKS[2],), seconds=5, also=[Process(script.pid, ticks)]) == []
        assert script.wait() == -signal.SIGKILL
        assert not alive(child)
    assert not (tmp_path / "trace").exists()
