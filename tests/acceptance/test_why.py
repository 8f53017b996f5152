"""`orc why`."""

from tests.support.daemon import Orc


def test_the_selection_is_on_record(orc: Orc) -> None:
    """The experiment's decisions name the selected variant, and so do that variant's own."""
    ref = orc.finished()
    decisions = orc("why", ref, "--json").json["decisions"]
    assert [each for each in decisions if each["kind"] == "select" and f"{ref}.3" in str(each["result"])]
    assert f"{ref}.3" in orc("why", ref).out
    assert orc("why", f"{ref}.3", "--json").json["decisions"]


def test_the_verdict_of_the_gate_comes_between_proposal_and_selection(orc: Orc) -> None:
    """A sentence for each criterion, no JSON; for a program the whole criteria."""
    more = '[[gate.criterion]]\nmetric = "height"\nop = "<="\nthreshold = 100\n'
    ref = orc.finished(more=more)
    kinds = [each["kind"] for each in orc("why", f"{ref}.1", "--json").json["decisions"]]
    said = orc("why", f"{ref}.1").out

    assert kinds == ["generate", "generate", "gate", "select", "decide"]
    assert "needs <= 100" in said
    assert "{" not in said
