"""`orc lock run`."""

import os
import signal
from pathlib import Path

import pytest

from tests.support.daemon import Orc, holding, line_with, wait_until_gone


def test_a_command_runs_with_the_lock_and_its_exit_status(own_orc: Orc) -> None:
    """It sees its own words and input; its status, or 128 and the signal, is the status of the call; no daemon is started."""
    ended = own_orc("lock", "run", "gpu0", "--", "sh", "-c", "cat; exit 7", given="hello")
    assert (ended.status, ended.out, ended.err) == (7, "hello", "")
    assert own_orc("lock", "run", "gpu0", "--", "sh", "-c", "kill -TERM $$").status == 128 + signal.SIGTERM
    assert not own_orc.state.exists()


def test_a_held_lock_is_refused_or_waited_for(own_orc: Orc) -> None:
    """With --no-wait and after --timeout the status is 5 and the holder is named; else the call waits, says so, and gets it."""
    with holding(own_orc, "gpu0") as (first, pid):
        for option in (["--no-wait"], ["--timeout", "0.05"]):
            refused = own_orc("lock", "run", *option, "gpu0", "--", "echo", "run")
            assert (refused.status, refused.out) == (5, "")
            assert f"pid {pid}" in refused.err
            assert "sh -c" in refused.err
        assert own_orc("lock", "run", "--no-wait", "gpu1", "--", "true").status == 0
        with own_orc.begin("lock", "run", "gpu0", "--", "echo", "mine") as second:
            assert f"pid {pid}" in line_with(second.stderr, "waiting for gpu0")
            first.send_signal(signal.SIGTERM)
            assert line_with(second.stdout, "mine")
            assert second.wait() == 0
        assert first.wait() == 128 + signal.SIGTERM


def test_refusals_are_documents_for_programs(own_orc: Orc) -> None:
    """With --json a held lock is `lock_held`, and a word that is no name is `invalid_request`."""
    with holding(own_orc, "gpu0"):
        assert own_orc("lock", "run", "--no-wait", "--json", "gpu0", "--", "true").error["code"] == "lock_held"
    wrong = own_orc("--json", "lock", "run", "../gpu0", "--", "true")
    assert (wrong.status, wrong.error["code"]) == (2, "invalid_request")
    assert not (own_orc.home / "gpu0.lock").exists()


def test_signals_are_passed_on(own_orc: Orc) -> None:
    """What is sent to the call reaches the command, which may do with it what it likes."""
    script = "trap 'kill $!; echo got it; exit 3' USR1; sleep 100 & echo ready; wait"
    with own_orc.begin("lock", "run", "gpu0", "--", "sh", "-c", script) as call:
        line_with(call.stdout, "ready")
        call.send_signal(signal.SIGUSR1)
        assert line_with(call.stdout, "got it")
        assert call.wait() == 3


def test_what_a_command_leaves_running_does_not_keep_the_lock(own_orc: Orc) -> None:
    """When the command has ended the lock is free, although something it started in the background lives on."""
    ended = own_orc("lock", "run", "gpu0", "--", "sh", "-c", "sleep 100 > /dev/null 2>&1 & echo $!")
    left = int(ended.out)
    try:
        assert own_orc("lock", "run", "--no-wait", "gpu0", "--", "true").status == 0
    finally:
        os.kill(left, signal.SIGKILL)


def test_a_command_keeps_its_lock_when_orc_is_killed(own_orc: Orc) -> None:
    """After kill -9 of the call the command goes on and holds the lock; when it has died too, the next one takes it over."""
    with holding(own_orc, "gpu0") as (call, pid):
        call.kill()
        call.wait()
        assert own_orc("lock", "run", "--no-wait", "gpu0", "--", "true").status == 5
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
    next_one = own_orc("lock", "run", "--no-wait", "gpu0", "--", "echo", "mine")
    assert (next_one.status, next_one.out) == (0, "mine\n")
    assert f"gpu0 was left behind by pid {pid}" in next_one.err


@pytest.mark.parametrize(("word", "status"), [("no-such-program", 127), ("./not-executable", 126)])
def test_a_command_that_cannot_run_has_the_status_a_shell_gives(own_orc: Orc, word: str, status: int) -> None:
    """The call says which word it was, and gives the lock back."""
    Path(own_orc.home, "not-executable").write_text("echo no\n")
    failed = own_orc("lock", "run", "gpu0", "--", word)
    assert failed.status == status
    assert word in failed.err
    assert own_orc("lock", "run", "--no-wait", "gpu0", "--", "true").status == 0
