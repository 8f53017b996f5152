"""`orc resume`."""

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
    """Changed after submitting, it pauses the experiment and explain says so; `--accept-code` goes on with it."""
    ref, folder = orc.submitted("failing")
    orc("wait", ref, "--timeout", "20")
    model = folder / "model.py"
    model.write_text(model.read_text().replace("== 3", "== 33"))
    with orc.begin("events", "-f", "--since", "0", "--experiment", ref) as events:
        assert orc("retry", ref).status == 0
        assert "code" in line_with(events.stdout, "experiment_paused")
    assert f"orc resume {ref} --accept-code" in orc("explain", ref).out
    assert orc("resume", ref, "--accept-code").status == 0
    assert orc("wait", ref, "--timeout", "20").status == 0
    assert orc("show", ref, "--json").json["iterations"]["failed"] == 0
