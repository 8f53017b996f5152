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
    assert "there is nothing to run again" in ended.out


def test_what_waits_for_memory_says_how_much_and_goes_on_with_other_settings(own_orc: Orc) -> None:
    """With more memory in use than the settings allow nothing starts, and everybody who asks is told; other settings, and it runs."""
    small = own_orc.home / "small.toml"
    small.write_text("memory_percent = 0.01\n")
    ref = own_orc("--config", str(small), "submit", str(own_orc.experiment())).out.strip()
    own_orc("wait", ref, "--timeout", "1")
    status = own_orc("status", "--json").json
    reasons = own_orc("explain", f"{ref}.1.1", "--json").json["reasons"]
    said = own_orc("status").out
    own_orc("stop")
    assert (status["state"], status["limited"], status["slots"]["busy"]) == ("ready", ["memory"], 0)
    assert [each["reason"] for each in reasons] == ["memory"]
    assert "above memory_percent (0.01) nothing starts" in reasons[0]["message"]
    assert "a larger memory_percent in the settings" in reasons[0]["would_change"]
    assert "limited      by memory" in said
    assert own_orc("wait", ref, "--timeout", "30").status == 0


def test_declared_memory_that_the_machine_never_has_is_told(own_orc: Orc) -> None:
    """An evaluation that declares more than there is waits and says that it can never start here."""
    ref = own_orc("submit", str(own_orc.experiment(stage='memory = "900000GiB"'))).out.strip()
    own_orc("wait", ref, "--timeout", "1")
    (reason, _) = own_orc("explain", ref, "--json").json["reasons"]
    assert reason["reason"] == "declared_memory"
    assert "it declares 878.9 TiB" in reason["message"]
    assert "it can never start here" in reason["message"]
    own_orc("cancel", ref)
