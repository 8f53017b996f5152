"""`orc stop`."""

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
