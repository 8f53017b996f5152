"""The parts of the keeper: lines, deadlines, marks, and how it starts."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.worker import keeper_system as system
from orchestrator.worker.keeper_deadlines import Deadlines
from orchestrator.worker.keeper_protocol import Lines, encode
from orchestrator.worker.keeper_runs import CannotStart, Chain, Programs, Run
from orchestrator.worker.keeper_trees import kill_and_wait, members


@given(st.lists(st.dictionaries(st.text(), st.text())), st.integers(1, 7))
def test_messages_come_out_as_they_went_in_however_they_are_cut(messages: list[dict[str, str]], size: int) -> None:
    """A stream has no borders but the ends of lines."""
    data = b"".join(map(encode, messages))
    lines = Lines()
    heard = [message for at in range(0, len(data), size) for message in lines.feed(data[at : at + size])]
    assert heard == messages


def _run(token: str = "12.3.1.1") -> Run:
    return Run(Chain({}), {"token": token}, mark=1)


def test_deadlines_come_soonest_first_and_skip_what_has_ended() -> None:
    """What is not due stays."""
    deadlines, seen = Deadlines(), []
    runs = [_run(str(number)) for number in range(4)]
    for at, run in zip((3.0, 1.0, 2.0, 9.0), runs, strict=True):
        deadlines.add(at, lambda run: seen.append(run.token), run)
    runs[2].ended = True
    for action, run in deadlines.due(5.0):
        action(run)
    assert seen == ["1", "0"]
    assert deadlines.next_time() == 9.0


def test_deadlines_of_what_has_ended_do_not_pile_up() -> None:
    """Ten thousand evaluations with long timeouts leave room for hundreds."""
    deadlines = Deadlines()
    for number in range(10_000):
        run = _run(str(number))
        deadlines.add(1e9 + number, lambda run: None, run)
        run.ended = True
    assert len(deadlines) < 1000
    assert deadlines.next_time() is None


def test_a_mark_is_inherited_through_sessions_and_cleared_environments() -> None:
    """It is there in a grandchild that kept nothing else, and the marker itself gets its own limit back."""
    before = resource.getrlimit(resource.RLIMIT_RTTIME)
    mark = system.marks_of(77)[5]
    own = system.OwnMark()
    own.take(mark)
    try:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", "setsid env -i sleep 600 & echo $!; wait"], stdout=subprocess.PIPE, text=True
        )
    finally:
        own.put_back()
    with shell:
        assert shell.stdout is not None
        sleeper = int(shell.stdout.readline())
        assert system.mark_of(sleeper) == system.mark_of(shell.pid) == mark
        assert members({mark}) == [shell.pid, sleeper]
        assert members(system.marks_of(78)) == []
        assert kill_and_wait(system.marks_of(77), seconds=5) == []
    assert shell.returncode == -signal.SIGKILL
    assert resource.getrlimit(resource.RLIMIT_RTTIME) == before


def test_marks_of_two_keepers_never_meet() -> None:
    """Every instance has a range of its own, and all of them are limits a process can have."""
    first, second = system.marks_of(0), system.marks_of(system.INSTANCES - 1)
    assert first.stop <= second.start
    assert second.stop < 2**63
    assert system.marks_of(1).start == first.stop


def test_a_process_that_is_gone_has_no_mark() -> None:
    """It may go between being listed and being asked; whether a keeper's range has what it answers is known at once."""
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    assert system.mark_of(child.pid) == system.NO_MARK
    assert all(system.mark_of(child.pid) not in system.marks_of(instance) for instance in (0, system.INSTANCES - 1))


def test_a_program_is_found_as_a_shell_would_find_it(tmp_path: Path) -> None:
    """The first executable in PATH; one without the right is said to be without it; a path is taken as it is."""
    programs = Programs()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tool").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "two" / "tool").chmod(0o700)
    path = f"{tmp_path}/one:{tmp_path}/two"
    assert programs.find("tool", path, "/") == f"{tmp_path}/two/tool"
    assert programs.find("./tool", path, "/") == "./tool"
    with pytest.raises(CannotStart) as refused:
        programs.find("tool", f"{tmp_path}/one", "/")
    assert refused.value.problem["message"] == "Permission denied"
    with pytest.raises(CannotStart) as refused:
        programs.find("tool", "", "/")
    assert refused.value.problem["message"] == "No such file or directory"


def test_a_keeper_without_a_channel_says_how_it_is_started() -> None:
    """Status 2 and one line."""
    answer = subprocess.run(
        [sys.executable, "-m", "orchestrator.worker.keeper"], capture_output=True, text=True, check=False, timeout=20
    )
    assert answer.returncode == 2
    assert "--channel FD --folder PATH" in answer.stderr
