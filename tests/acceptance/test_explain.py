"""`orc explain`."""

from tests.support.daemon import Orc, open_gate


def test_what_waits_has_a_reason(orc: Orc) -> None:
    """An experiment that is paused, and one that has ended, both say so."""
    ref, folder = orc.submitted("held")
    orc("pause", ref)
    paused = orc("explain", ref, "--json").json
    assert paused["state"] == "paused"
    assert [each["message"] for each in paused["reasons"]]
    open_gate(folder)
    orc("resume", ref)
    orc("wait", ref, "--timeout", "20")
    ended = orc("explain", ref)
    assert ended.status == 0
    assert f"{ref} is succeeded" in ended.out
