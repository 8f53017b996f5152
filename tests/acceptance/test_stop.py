"""`orc stop`."""

import os

import pytest

from tests.support.commands import alive
from tests.support.daemon import Orc, open_gate, wait_until_gone


def test_stop_returns_when_the_process_is_gone(own_orc: Orc) -> None:
    """And the socket answers no more."""
    pid = own_orc.pid()
    stopped = own_orc("stop", "--json")
    assert (stopped.status, stopped.json) == (0, {"pid": pid})
    wait_until_gone(pid, deadline_seconds=0)
    assert own_orc("--no-start", "status").status == 4


def test_stopping_nothing_is_fine_and_starts_nothing(own_orc: Orc) -> None:
    """Status 0, with a word about it."""
    stopped = own_orc("stop")
    assert (stopped.status, stopped.err.strip()) == (0, "no daemon is running")
    assert not own_orc.state.exists()


def test_what_was_submitted_goes_on_with_the_next_daemon(own_orc: Orc) -> None:
    """An experiment that was under way when the daemon was stopped ends as if nothing had happened."""
    ref, folder = own_orc.submitted("held")
    open_gate(folder)
    assert own_orc("stop").status == 0
    assert own_orc("wait", ref, "--timeout", "30").status == 0
    assert own_orc("show", ref, "--json").json["iterations"]["succeeded"] == 3


@pytest.mark.parametrize("with_daemon", [True, False])
def test_isolated_work_is_left_alone_and_ended_only_when_all_is_to_end(own_orc: Orc, with_daemon: bool) -> None:
    """A command of an hour does not keep the daemon; `stop --all` ends it, whether a daemon runs or not, and it runs anew later."""
    ref, command = running_command(own_orc)
    stopped = own_orc("stop")
    assert (stopped.status, "1 isolated evaluation goes on" in stopped.err) == (0, True)
    assert alive(command)
    if with_daemon:
        assert own_orc("show", f"{ref}.1.1", "--json").json["state"] == "running"
    assert own_orc("stop", "--all").status == 0
    assert not alive(command)
    assert own_orc("stop", "--all").err.strip() == "no daemon is running"
    assert own_orc("status").status == 0
    again = int((own_orc.home / "hour/pid").read_text())
    assert own_orc("cancel", ref).status == 0
    assert not alive(again)


def running_command(orc: Orc) -> tuple[str, int]:
    """The ref of a new experiment with one command of an hour, and its process."""
    folder = orc.home / "hour"
    folder.mkdir()
    os.mkfifo(folder / "pid")
    text = '[stage]\ncommand = "echo $$ > pid; exec sleep 3600"\n[space]\nx = [1]\n'
    (folder / "experiment.toml").write_text(text)
    ref = orc("submit", str(folder)).out.strip()
    return ref, int((folder / "pid").read_text())
