"""`orc schema`."""

from tests.support.daemon import Orc


def test_the_schema_needs_no_daemon(own_orc: Orc) -> None:
    """It is a JSON Schema with the file's keys, and nothing was started."""
    schema = own_orc("schema", "--json")
    assert schema.status == 0
    assert {"stage", "space", "search"} <= schema.json["properties"].keys()
    assert own_orc("schema").out.startswith("{\n")
    assert not own_orc.state.exists()


def test_a_running_daemon_gives_the_same(orc: Orc) -> None:
    """Editors see one schema."""
    without = orc("--state-dir", str(orc.home / "nobody"), "schema", "--json").json
    assert orc.pid()
    assert orc("schema", "--json").json == without
