"""Taking, describing and taking over lock files."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.errors import LockHeld
from orchestrator.locks import identity_of, last_holder, take

HOLD = """
import sys
from pathlib import Path
from orchestrator.locks import take
with take(Path(sys.argv[1]), command=["hold", "the lock"]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the lock until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_file_names_its_holder(tmp_path: Path) -> None:
    """While held, the file says this process's pid, start ticks, boot, command and host."""
    path = tmp_path / "a.lock"
    with take(path, command=["orc", "daemon", "--state-dir", "a b"]) as taken:
        assert last_holder(path) == taken.holder
        assert taken.stale is None
        own = identity_of(os.getpid())
        assert own is not None
        assert (taken.holder.pid, taken.holder.start_ticks, taken.holder.boot_id) == (
            own.pid,
            own.start_ticks,
            own.boot_id,
        )
        assert taken.holder.command == "orc daemon --state-dir 'a b'"
        assert taken.holder.host == os.uname().nodename


def test_a_lock_held_elsewhere_is_refused_with_its_holder(tmp_path: Path) -> None:
    """LockHeld says the path, the pid, since when and the command of the process that holds it."""
    path = tmp_path / "a.lock"
    with another_process(path) as process:
        holder = last_holder(path)
        assert holder is not None
        with pytest.raises(LockHeld) as refused, take(path):
            pass
        assert refused.value.message == f"{path} is held by pid {process.pid}, since {holder.started}: hold 'the lock'"


def test_the_same_process_cannot_take_it_twice(tmp_path: Path) -> None:
    """A second block of the same process is refused like another process."""
    path = tmp_path / "a.lock"
    with take(path), pytest.raises(LockHeld, match=str(os.getpid())), take(path):
        pass


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    """After kill -9 of the holder the lock can be taken at once, and the dead holder is reported as stale."""
    path = tmp_path / "a.lock"
    with another_process(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with take(path) as taken:
            assert taken.stale is not None
            assert (taken.stale.pid, taken.stale.command) == (process.pid, "hold 'the lock'")


def test_a_lock_left_in_order_is_not_stale(tmp_path: Path) -> None:
    """Leaving empties the file, keeps it in place, and the next one finds nobody to take over from."""
    path = tmp_path / "a.lock"
    with take(path):
        inode = path.stat().st_ino
    assert (path.stat().st_ino, path.stat().st_size) == (inode, 0)
    with take(path) as taken:
        assert taken.stale is None


def test_an_unreadable_content_does_not_make_a_lock(tmp_path: Path) -> None:
    """A file with rubbish in it that nobody holds can be taken; only the kernel's lock counts."""
    path = tmp_path / "a.lock"
    path.write_text("not json\n")
    with take(path) as taken:
        assert taken.stale is None
        assert last_holder(path) == taken.holder


def test_a_holder_that_has_not_written_yet_is_said_so(tmp_path: Path) -> None:
    """Between the kernel's lock and the first write there is no name to give."""
    path = tmp_path / "a.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(LockHeld, match="not yet written"), take(path):
            pass


def test_child_processes_do_not_inherit_the_lock(tmp_path: Path) -> None:
    """A child started while the lock is held does not keep it when the holder leaves."""
    path = tmp_path / "a.lock"
    with take(path):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    try:
        with take(path) as taken:
            assert taken.stale is None
    finally:
        child.communicate(b"\n")


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    """In a folder others may write to, a planted link cannot make us write elsewhere."""
    target = tmp_path / "target"
    target.write_text("precious")
    link = tmp_path / "a.lock"
    link.symlink_to(target)
    with pytest.raises(OSError), take(link):
        pass
    assert target.read_text() == "precious"


def test_a_file_with_a_second_name_is_refused(tmp_path: Path) -> None:
    """A hard link to a file of somebody's, planted under a lock's name, is neither written to nor emptied."""
    target = tmp_path / "target"
    target.write_text("precious")
    link = tmp_path / "a.lock"
    link.hardlink_to(target)
    with pytest.raises(OSError, match="no file of its own"), take(link):
        pass
    assert target.read_text() == "precious"


def test_a_lock_whose_file_was_removed_is_taken_anew(tmp_path: Path) -> None:
    """Somebody removes the file although nobody should: whoever takes the lock then holds one that others see."""
    path = tmp_path / "a.lock"
    with take(path):
        path.unlink()
        with take(path) as taken, pytest.raises(LockHeld), take(path):
            pass
        assert taken.path == path


def test_what_another_version_has_written_is_understood(tmp_path: Path) -> None:
    """Keys that are not known are ignored; when one is missing nobody is named."""
    path = tmp_path / "a.lock"
    facts = {"pid": 1, "start_ticks": 2, "boot_id": "b", "started": "2026-01-01T00:00:00Z", "command": "c", "host": "h"}
    path.write_text(f"{json.dumps({**facts, 'colour': 'red'})}\n")
    holder = last_holder(path)
    assert holder is not None
    assert (holder.pid, holder.ref) == (1, None)
    path.write_text(f"{json.dumps({**facts, 'pid': 'one'})}\n")
    assert last_holder(path) is None


def test_no_file_has_no_holder(tmp_path: Path) -> None:
    """Asking for the holder of a lock nobody ever took gives None and creates nothing."""
    assert last_holder(tmp_path / "a.lock") is None
    assert not (tmp_path / "a.lock").exists()
