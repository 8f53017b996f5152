"""`orc resume`."""

from tests.support.daemon import Orc, open_gate


def test_a_resumed_experiment_goes_on_to_its_end(orc: Orc) -> None:
    """Nothing is lost by having been paused."""
    ref, folder = orc.submitted("held")
    orc("pause", ref)
    open_gate(folder)
    assert orc("resume", ref).status == 0
    assert orc("wait", ref, "--timeout", "20").status == 0
    assert orc("show", ref, "--json").json["iterations"]["succeeded"] == 3
