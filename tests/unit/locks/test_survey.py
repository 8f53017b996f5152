"""Looking at locks."""

import os
import subprocess
import sys
from pathlib import Path

from orchestrator.locks import LockState, file_of, last_holder, look, survey, take, try_take

HOLD_AND_DIE = """
import os, signal, sys
from pathlib import Path
from orchestrator.locks import try_take
try_take(Path(sys.argv[1]), command=["train", "it"], ref="12.3.1")
os.kill(os.getpid(), signal.SIGKILL)
"""
LOOK_ALWAYS = """
import sys
from pathlib import Path
from orchestrator.locks import look
print("looking", flush=True)
while True:
    look(Path(sys.argv[1]))
"""


def die_holding(path: Path) -> None:
    """Leave a lock behind whose holder was killed."""
    subprocess.run([sys.executable, "-c", HOLD_AND_DIE, str(path)], check=False)


def test_a_held_lock_is_seen_with_its_holder(tmp_path: Path) -> None:
    """As long as it is held the state is `held`; afterwards it is `free` and names nobody."""
    path = tmp_path / "a.lock"
    with take(path) as taken:
        seen = look(path)
        assert seen is not None
        assert (seen.state, seen.holder) == (LockState.HELD, taken.holder)
    seen = look(path)
    assert seen is not None
    assert (seen.state, seen.holder) == (LockState.FREE, None)


def test_a_lock_left_behind_is_stale(tmp_path: Path) -> None:
    """When the holder was killed the state is `stale`, and the file still says who it was and for which evaluation."""
    path = tmp_path / "a.lock"
    die_holding(path)
    seen = look(path)
    assert seen is not None
    assert seen.state is LockState.STALE
    assert seen.holder is not None
    assert (seen.holder.command, seen.holder.ref, seen.holder.exists) == ("train it", "12.3.1", False)


def test_a_pid_in_use_again_does_not_make_a_lock_held(tmp_path: Path) -> None:
    """A file that names a living process by its pid alone is stale, and that process is not the one it names."""
    path = tmp_path / "a.lock"
    with take(path) as taken:
        content = path.read_text()
    path.write_text(content.replace(f'"start_ticks": {taken.holder.start_ticks}', '"start_ticks": 1'))
    seen = look(path)
    assert seen is not None
    assert seen.state is LockState.STALE
    assert seen.holder is not None
    assert (seen.holder.pid, seen.holder.exists) == (taken.holder.pid, False)


def test_a_lock_nobody_ever_took_is_not_there(tmp_path: Path) -> None:
    """Looking creates nothing."""
    assert look(tmp_path / "a.lock") is None
    assert list(tmp_path.iterdir()) == []


def test_the_survey_has_every_lock_by_name(tmp_path: Path) -> None:
    """All lock files in order of their names, and no other file."""
    (tmp_path / "notes.txt").touch()
    with take(file_of(tmp_path, "gpu1")), take(file_of(tmp_path, "gpu0")):
        pass
    die_holding(file_of(tmp_path, "license"))
    assert [(name, seen.state) for name, seen in survey(tmp_path)] == [
        ("gpu0", LockState.FREE),
        ("gpu1", LockState.FREE),
        ("license", LockState.STALE),
    ]


def test_what_is_no_file_is_no_lock(tmp_path: Path) -> None:
    """A folder or a pipe with the name of a lock is passed over, and what a file contains does not matter."""
    (tmp_path / "folder.lock").mkdir()
    os.mkfifo(tmp_path / "pipe.lock")
    (tmp_path / "rubbish.lock").write_bytes(b"\xff" * 100_000)
    assert [(name, seen.state, seen.holder) for name, seen in survey(tmp_path)] == [("rubbish", LockState.FREE, None)]


def test_who_looks_does_not_get_others_refused(tmp_path: Path) -> None:
    """While another process looks at a free lock all the time, it is taken 300 times and never refused."""
    path = tmp_path / "a.lock"
    path.touch()
    with subprocess.Popen([sys.executable, "-c", LOOK_ALWAYS, str(path)], stdout=subprocess.PIPE) as looking:
        try:
            assert looking.stdout is not None
            looking.stdout.readline()
            for _ in range(300):
                with take(path):
                    pass
        finally:
            looking.kill()


def test_a_lock_is_passed_on_with_its_descriptor(tmp_path: Path) -> None:
    """Whoever closes a copy leaves the lock to the others; whoever gives it back ends it for all."""
    path = tmp_path / "a.lock"
    taken = try_take(path)
    assert taken is not None
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[taken.descriptor]
    ) as child:
        taken.leave()
        assert try_take(path) is None
        assert last_holder(path) == taken.holder
        child.communicate(b"\n")
    again = try_take(path)
    assert again is not None
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[again.descriptor]
    ) as child:
        again.give_back()
        with take(path) as third:
            assert third.stale is None
        child.communicate(b"\n")


def test_giving_back_late_takes_nothing_from_the_next_one(tmp_path: Path) -> None:
    """When another copy has ended the lock and somebody else holds it, a late holder changes neither lock nor file."""
    path = tmp_path / "a.lock"
    first = try_take(path)
    assert first is not None
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; fcntl.flock(int(sys.argv[1]), fcntl.LOCK_UN)",
            str(first.descriptor),
        ],
        pass_fds=[first.descriptor],
    ):
        pass
    with take(path) as second:
        first.give_back()
        assert last_holder(path) == second.holder
        assert try_take(path) is None
