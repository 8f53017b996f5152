"""`orc wait`."""

from tests.support.daemon import Orc, open_gate


def test_waiting_exits_by_outcome(orc: Orc) -> None:
    """0 when all succeeded, 3 when one did not; at every level."""
    good, bad = orc.finished(), orc.finished("failing", space="x = [3]")
    assert orc("wait", good, f"{good}.1", f"{good}.1.1").status == 0
    assert orc("wait", good, bad).status == 3
    document = orc("wait", good, "--json").json
    assert (document["ref"], document["state"], document["ended"]) == (good, "succeeded", True)
    assert [each["ref"] for each in orc("wait", good, bad, "--json").json] == [good, bad]


def test_the_time_can_be_up_first(orc: Orc) -> None:
    """Status 1, and what is not ended is named; it can be waited for again."""
    ref, folder = orc.submitted("held")
    waited = orc("wait", ref, "--timeout", "0.2")
    assert waited.status == 1
    assert f"{ref} is still running" in waited.err
    open_gate(folder)
    assert orc("wait", ref, "--timeout", "20").status == 0


def test_waiting_for_what_is_paused_says_so(orc: Orc) -> None:
    """It would wait until somebody resumes it: whoever waits is told once, and where the reason is."""
    ref, folder = orc.submitted("held")
    orc("pause", ref)
    waited = orc("wait", ref, "--timeout", "0.2")
    assert waited.status == 1
    assert waited.err.count(f"{ref} is paused: orc explain {ref} says why") == 1
    open_gate(folder)
    orc("resume", ref)
    assert orc("wait", ref, "--timeout", "20").status == 0
