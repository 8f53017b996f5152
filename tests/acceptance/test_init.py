"""`orc init`."""

import pytest

from tests.support.daemon import Orc


@pytest.mark.parametrize("template", ["python", "command", "gate"])
def test_a_template_runs_as_it_is(orc: Orc, template: str) -> None:
    """What was written is valid and succeeds."""
    assert orc("init", template, "--folder", f"from-{template}").status == 0
    assert orc("check", f"from-{template}").status == 0
    ran = orc("run", f"from-{template}", "--json")
    assert (ran.status, ran.json["state"]) == (0, "succeeded"), ran.err


def test_nothing_is_overwritten(own_orc: Orc) -> None:
    """One file that is there already is enough: nothing is written, and it is named."""
    target = own_orc.home / "new"
    target.mkdir()
    (target / "model.py").write_text("mine")
    refused = own_orc("init", "--folder", "new", "--json")
    assert refused.status == 5
    assert [each["where"] for each in refused.error["problems"]] == ["new/model.py"]
    assert [each.name for each in target.iterdir()] == ["model.py"]
    assert (target / "model.py").read_text() == "mine"
