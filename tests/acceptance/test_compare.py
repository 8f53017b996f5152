"""`orc compare`."""

from tests.support.daemon import Orc, refs


def test_variants_stand_side_by_side(orc: Orc) -> None:
    """Each has a column with its parameters and metrics; an experiment stands for its best variant."""
    ref = orc.finished()
    compared = orc("compare", f"{ref}.1", f"{ref}.2", ref, "--json")
    assert compared.status == 0
    assert refs(compared.json) == [f"{ref}.1", f"{ref}.2", f"{ref}.3"]
    rows = {line.split()[0]: line.split()[1:] for line in orc("compare", f"{ref}.1", f"{ref}.2").out.splitlines()[1:]}
    assert rows["param.x"] == ["3", "1", "differs"]
    assert rows["metric.height"] == ["1", "1"]


def test_iterations_are_not_compared(orc: Orc) -> None:
    """The refusal says what to use instead."""
    refused = orc("compare", "1.1.1", "1.1.2", "--json")
    assert (refused.status, refused.error["code"]) == (2, "invalid_reference")
