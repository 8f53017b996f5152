"""`orc pause`."""

from tests.support.daemon import Orc, open_gate


def test_a_paused_experiment_starts_nothing_new(orc: Orc) -> None:
    """What ran when it was paused may end, the rest stays queued, and it has not ended."""
    ref, folder = orc.submitted("held", more="limits = { max_parallel = 1 }")
    assert orc("pause", ref, "--json").json["state"] == "paused"
    open_gate(folder)
    waited = orc("wait", ref, "--timeout", "0.3", "--json")
    assert (waited.status, waited.json["ended"]) == (1, False)
    assert orc("show", ref, "--json").json["state"] == "paused"
    assert orc("cancel", ref).status == 0


def test_an_ended_experiment_cannot_be_paused(orc: Orc) -> None:
    """It is refused with status 5."""
    refused = orc("pause", orc.finished(), "--json")
    assert refused.status == 5
    assert refused.error["code"] in {"conflict", "illegal_move"}
