"""`orc retry`."""

from tests.support.daemon import Orc, open_gate


def test_what_failed_is_run_again_under_the_same_ref(orc: Orc) -> None:
    """When the cause is gone, retrying the experiment makes every failed iteration succeed as its second attempt."""
    ref, folder = orc.submitted("gated")
    assert orc("wait", ref, "--timeout", "20").status == 3
    assert orc("show", f"{ref}.1", "--json").json["state"] == "failed"
    open_gate(folder)
    assert orc("retry", ref).status == 0
    assert orc("wait", ref, "--timeout", "20").status == 0
    iteration = orc("show", f"{ref}.1.1", "--json").json
    assert (iteration["state"], iteration["attempt"]) == ("succeeded", 2)


def test_nothing_to_retry_is_refused(orc: Orc) -> None:
    """Status 5, and a hint."""
    refused = orc("retry", orc.finished(), "--json")
    assert (refused.status, refused.error["code"]) == (5, "conflict")
