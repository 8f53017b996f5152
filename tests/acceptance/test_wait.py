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


def test_what_is_not_there_is_said_before_anything_is_waited_for(orc: Orc) -> None:
    """Status 2 at once with every unknown ref, though what stands first has not ended."""
    held, folder = orc.submitted("held")
    one = orc("wait", held, "99999", "--json")
    assert (one.status, one.error["code"], one.error["message"]) == (2, "not_found", "there is no experiment 99999")
    several = orc("wait", held, "nobody", f"{held}.99", "")
    assert several.status == 2
    assert several.out == ""
    assert [line.split()[0] for line in several.err.splitlines()[1:3]] == ["nobody", f"{held}.99"]
    assert several.err.startswith("error: 3 of 4 refs name nothing")
    open_gate(folder)
    assert orc("wait", held, held, f"{held}.1.1", "--timeout", "20").status == 0


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
