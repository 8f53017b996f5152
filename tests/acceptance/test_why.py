"""`orc why`."""

from tests.support.daemon import Orc


def test_the_selection_is_on_record(orc: Orc) -> None:
    """The experiment's decisions name the selected variant, and so do that variant's own."""
    ref = orc.finished()
    decisions = orc("why", ref, "--json").json["decisions"]
    assert [each for each in decisions if each["kind"] == "select" and f"{ref}.3" in str(each["result"])]
    assert f"{ref}.3" in orc("why", ref).out
    assert orc("why", f"{ref}.3", "--json").json["decisions"]
