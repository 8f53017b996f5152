"""`orc daemon`."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.support.daemon import ROOT, Orc, open_gate, wait_until_gone


def test_a_daemon_in_the_foreground_serves_until_it_is_told_to_leave(own_orc: Orc) -> None:
    """The call becomes the daemon, others find it, and SIGTERM ends it with status 0."""
    with own_orc.begin("daemon") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "daemon_ready" in line:
                break
        assert own_orc("--no-start", "status", "--json").json["pid"] == process.pid
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(timeout=30) == 0


def test_a_second_daemon_for_the_same_state_directory_is_refused(orc: Orc) -> None:
    """Status 5, and the first goes on."""
    first = orc.pid()
    assert orc("daemon").status == 5
    assert orc.pid() == first


def test_a_daemon_starts_by_itself_and_says_so(own_orc: Orc) -> None:
    """The first call that needs one starts it, in a session and a directory of its own; the second finds it."""
    first = own_orc("status", "--json")
    pid = first.json["pid"]
    assert "started a private daemon" in first.err
    assert os.getsid(pid) != os.getsid(0)
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    second = own_orc("status", "--json")
    assert (second.json["pid"], second.err) == (pid, "")


def test_a_daemon_whose_installation_is_removed_makes_room_for_one_that_is_whole(own_orc: Orc) -> None:
    """Its virtual environment is gone: it leaves as soon as nothing is open, not after its idle time, and the next call starts another."""
    installation = own_orc.home / "installation"
    (installation / "bin").mkdir(parents=True)
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", installation)
    (installation / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    (installation / "lib").symlink_to(Path(sys.prefix) / "lib")
    called = [str(installation / "bin" / "python"), "-P", "-m", "orchestrator", "status", "--json"]
    started = subprocess.run(called, env=own_orc.environment, capture_output=True, text=True, check=True)
    pid = json.loads(started.stdout)["pid"]
    shutil.rmtree(installation)
    wait_until_gone(pid)
    assert own_orc.pid() != pid
    assert "installation_gone" in (own_orc.state / "daemon.log").read_text()


def test_what_is_open_when_the_installation_is_removed_is_carried_to_its_end(own_orc: Orc) -> None:
    """All that an experiment needs was imported before it began: it selects and decides, and then the daemon leaves."""
    copy = own_orc.home / "copy"
    for folder in ("orchestrator", "config"):
        shutil.copytree(ROOT / folder, copy / folder)
    held = own_orc.experiment("held", more='select = { method = "top_k", k = 2 }')
    called = [sys.executable, "-P", "-m", "orchestrator", "submit", str(held)]
    environment = {**own_orc.environment, "PYTHONPATH": str(copy)}
    ref = subprocess.run(called, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    pid = own_orc.pid()
    shutil.rmtree(copy)
    open_gate(held)
    wait_until_gone(pid)
    shown = own_orc("show", ref, "--json").json
    assert (shown["state"], len(shown["selected"]), own_orc.pid() != pid) == ("succeeded", 2, True)


def test_many_first_calls_at_once_start_one_daemon(own_orc: Orc) -> None:
    """The lock decides; every call is answered by the winner."""
    with ExitStack() as stack:
        calls = [stack.enter_context(own_orc.begin("status", "--json")) for _ in range(5)]
        answers = [call.communicate(timeout=40) for call in calls]
        assert [call.returncode for call in calls] == [0] * 5, answers
    assert len({answer[0].partition('"pid": ')[2].partition(",")[0] for answer in answers}) == 1


def test_no_start_forbids_it(own_orc: Orc) -> None:
    """Status 4, with the socket that was tried, and no state directory is made."""
    refused = own_orc("ls", "--no-start", "--json")
    assert (refused.status, refused.error["code"]) == (4, "no_daemon")
    assert str(own_orc.state / "orchestrator.sock") in refused.error["message"]
    assert not own_orc.state.exists()


def test_a_place_where_none_can_be_started_is_named(own_orc: Orc) -> None:
    """Status 4 with the folder and what the system says of it."""
    refused = own_orc("ls", "--state-dir", "/proc/none")
    assert (refused.status, refused.err) == (
        4,
        "error: no daemon is listening and none could be started: /proc/none: No such file or directory\nhint: see --state-dir\n",
    )


def test_a_killed_daemon_leaves_a_socket_nobody_is_deceived_by(own_orc: Orc) -> None:
    """The next call starts another daemon, which knows what was submitted."""
    ref = own_orc.finished()
    pid = own_orc.pid()
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    assert (own_orc.state / "orchestrator.sock").exists()
    assert own_orc("best", ref, "--json").json["ref"] == f"{ref}.3"
