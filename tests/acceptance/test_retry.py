"""`orc retry`."""

from tests.support.daemon import Orc, line_with, open_gate


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


def test_only_what_failed_is_run_again_with_failed(orc: Orc) -> None:
    """`--failed` says how much is run again, leaves alone what was cancelled, and the round is decided anew."""
    ref, folder = orc.submitted("gated")
    assert orc("wait", ref, "--timeout", "20").status == 3
    open_gate(folder)
    answer = orc("retry", ref, "--failed", "--json").json
    assert answer | {"ref": ref, "iterations": 3, "failed": 3, "variants": 3} == answer
    assert orc("wait", ref, "--timeout", "20").status == 0
    document = orc("show", ref, "--json").json
    assert (document["state"], document["selected"]) == ("succeeded", [f"{ref}.2"])
    kinds = [each["kind"] for each in orc("why", ref, "--json").json["decisions"]]
    assert (kinds.count("select"), kinds.count("decide")) == (2, 2)
    refused = orc("retry", ref, "--failed", "--json")
    assert (refused.status, refused.error["code"]) == (5, "conflict")


def test_a_variant_that_was_cancelled_has_not_failed(orc: Orc) -> None:
    """`--failed` refuses it and says what counts without."""
    ref, folder = orc.submitted("held")
    assert orc("cancel", f"{ref}.3").status == 0
    refused = orc("retry", f"{ref}.3", "--failed", "--json")
    assert (refused.status, refused.error["hint"]) == (5, "without --failed, what was cancelled counts too")
    open_gate(folder)
    assert orc("wait", ref, "--timeout", "20").status == 0


def test_mended_code_is_accepted_with_the_retry(orc: Orc) -> None:
    """`--accept-code` runs what failed again with the code as it is now, in one step: nothing is paused in between."""
    ref, folder = orc.submitted("failing")
    orc("wait", ref, "--timeout", "20")
    model = folder / "model.py"
    model.write_text(model.read_text().replace("== 3", "== 33"))
    assert f"orc retry {ref} --failed --accept-code" in orc("report", ref, "--json").json["failures"][0]["advice"]
    assert orc("retry", ref, "--failed", "--accept-code").status == 0
    assert orc("wait", ref, "--timeout", "20").status == 0
    assert orc("show", ref, "--json").json["iterations"]["failed"] == 0
    assert "experiment_paused" not in orc("events", "--since", "0", "--experiment", ref, "--json").out


def test_a_retry_that_accepts_the_code_takes_back_a_pause_for_its_sake(orc: Orc) -> None:
    """An experiment that is paused because its code has changed goes on with `retry --accept-code`."""
    ref, folder = orc.submitted("failing", more="limits.max_parallel = 1")
    orc("wait", ref, "--timeout", "20")
    model = folder / "model.py"
    model.write_text(model.read_text().replace("== 3", "== 33"))
    with orc.begin("events", "-f", "--since", "0", "--experiment", ref) as events:
        assert orc("retry", ref).status == 0
        assert "code" in line_with(events.stdout, "experiment_paused")
    assert orc("retry", f"{ref}.2.1", "--accept-code").status == 0
    assert orc("wait", ref, "--timeout", "20").status == 0
    assert orc("show", ref, "--json").json["iterations"]["failed"] == 0
