"""`orc submit`."""

from tests.support.daemon import Orc


def test_submit_prints_the_id(orc: Orc) -> None:
    """A line with the id and nothing else for a shell, a document with id and ref for a program."""
    folder = str(orc.experiment())
    assert orc("submit", folder).out.strip().isdecimal()
    document = orc("submit", f"{folder}/experiment.toml", "--json").json
    assert document["ref"] == str(document["id"])


def test_a_wrong_file_is_refused_with_all_problems_and_leaves_nothing(own_orc: Orc) -> None:
    """Status 2, and the list of experiments stays empty."""
    refused = own_orc("submit", str(own_orc.experiment(more="seeed = 1\nrepeats = 0")), "--json")
    assert refused.status == 2
    assert {each["where"] for each in refused.error["problems"]} == {"seeed", "repeats"}
    assert own_orc("ls", "--json").json == []


def test_an_override_without_a_key_is_a_usage_error(own_orc: Orc) -> None:
    """It is found before any daemon is started."""
    refused = own_orc("submit", str(own_orc.experiment()), "--set", "nothing", "--json")
    assert (refused.status, refused.error["code"]) == (2, "invalid_request")
    assert not own_orc.state.exists()
