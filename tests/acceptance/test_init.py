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


def test_a_folder_that_cannot_be_written_is_named(orc: Orc) -> None:
    """Exit status 2 with the path and the reason, whether it cannot be made, cannot be entered or is no folder."""
    for folder, why in (
        ("/proc/new", "No such file or directory"),
        ("/dev/null", "File exists"),
        ("n" * 300, "File name too long"),
    ):
        refused = orc("init", "--folder", folder)
        assert (refused.status, refused.err.startswith("error: ")) == (2, True), folder
        assert why in refused.err
