"""`orc resume`."""

import pytest

from tests.support.daemon import Orc, line_with, open_gate


def test_a_resumed_experiment_goes_on_to_its_end(orc: Orc) -> None:
    """Nothing is lost by having been paused."""
    ref, folder = orc.submitted("held")
    orc("pause", ref)
    open_gate(folder)
    assert orc("resume", ref).status == 0
    assert orc("wait", ref, "--timeout", "20").status == 0
    assert orc("show", ref, "--json").json["iterations"]["succeeded"] == 3


def test_code_that_was_changed_is_run_only_when_it_is_accepted(orc: Orc) -> None:
    """It pauses the experiment; `explain` says so, `resume` alone is refused as long as it differs, and `--accept-code` goes on with it."""
    ref, folder = orc.submitted("failing")
    orc("wait", ref, "--timeout", "20")
    model = folder / "model.py"
    model.write_text(model.read_text().replace("== 3", "== 33"))
    with orc.begin("events", "-f", "--since", "0", "--experiment", ref) as events:
        retried = orc("retry", ref)
        assert (retried.status, f"orc resume {ref} --accept-code goes on with it as it is now" in retried.out) == (
            0,
            True,
        )
        assert "code" in line_with(events.stdout, "experiment_paused")
    assert f"orc resume {ref} --accept-code" in orc("explain", ref).out
    refused = orc("resume", ref, "--json")
    assert (refused.status, refused.error["code"]) == (5, "conflict")
    assert f"orc resume {ref} --accept-code" in refused.error["hint"]
    assert orc("show", ref, "--json").json["state"] == "paused"
    assert orc("resume", ref, "--accept-code").status == 0
    assert orc("wait", ref, "--timeout", "20").status == 0
    assert orc("show", ref, "--json").json["iterations"]["failed"] == 0


@pytest.mark.parametrize("stage", ['executor = "process"', 'executor = "isolated"'])
def test_a_module_beside_the_file_is_code_and_may_be_changed_back(orc: Orc, stage: str) -> None:
    """Changing what the module imports pauses before anything runs with it; changed back, `resume` goes on to the end."""
    folder = orc.experiment("failing", stage=stage)
    helper, model = folder / "helper.py", folder / "model.py"
    helper.write_text("K = 0\n")
    model.write_text("import helper\n" + model.read_text())
    ref = orc("submit", str(folder)).out.strip()
    orc("wait", ref, "--timeout", "20")
    helper.write_text("K = 1\n")
    with orc.begin("events", "-f", "--since", "0", "--experiment", ref) as events:
        assert orc("retry", ref).status == 0
        assert "code" in line_with(events.stdout, "experiment_paused")
    assert orc("resume", ref).status == 5
    helper.write_text("K = 0\n")
    assert orc("resume", ref).status == 0
    orc("wait", ref, "--timeout", "20")
    iteration = orc("show", f"{ref}.1.1", "--json").json
    assert (iteration["state"], iteration["attempt"]) == ("failed", 2)


def test_changed_code_can_be_accepted_before_the_change_has_been_met(orc: Orc) -> None:
    """Whether the experiment runs or has been paused already, `--accept-code` is taken, and it goes on to its end."""
    ref, folder = orc.submitted("held", stage='executor = "isolated"')
    model = folder / "model.py"
    model.write_text(model.read_text() + "# changed\n")
    accepted = orc("resume", ref, "--accept-code")
    assert (accepted.status, accepted.out) == (0, f"{ref} is running\n")
    open_gate(folder)
    assert orc("wait", ref, "--timeout", "20").status == 0
    assert orc("show", ref, "--json").json["iterations"]["succeeded"] == 3
