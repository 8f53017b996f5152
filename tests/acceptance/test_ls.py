"""`orc ls`."""

from tests.support.daemon import Orc


def test_experiments_are_listed_newest_first(orc: Orc) -> None:
    """Each with the documented keys; `--limit` takes the newest."""
    first, second = orc.finished(), orc.finished()
    listed = orc("ls", "--json").json
    assert [str(each["id"]) for each in listed][:2] == [second, first]
    assert {"id", "name", "state", "phase", "round", "variant_count", "iterations", "best"} <= listed[0].keys()
    assert {"created", "started", "finished"} <= listed[0].keys()
    assert listed[0]["iterations"]["succeeded"] == 3
    assert [each["id"] for each in orc("ls", "--limit", "1", "--json").json] == [int(second)]
    assert orc("ls").out.splitlines()[1].split()[0] == second


def test_an_empty_list_speaks(own_orc: Orc) -> None:
    """A program gets an empty list, a person a word on what to do."""
    assert own_orc("ls", "--json").json == []
    assert "no experiments yet" in own_orc("ls").err
