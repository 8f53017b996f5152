"""`orc show`."""

from tests.support.daemon import Orc, refs


def test_an_experiment_is_shown_whole(orc: Orc) -> None:
    """The document has what ls has, and the spec, the seed, the selection, and all variants with their iterations."""
    ref = orc.finished(more="seed = 9")
    document = orc("show", ref, "--json").json
    assert {"spec", "seed", "objective", "reason", "selected", "variants"} <= document.keys()
    assert (document["seed"], document["selected"]) == (9, [f"{ref}.3"])
    assert refs(document["variants"]) == [f"{ref}.1", f"{ref}.2", f"{ref}.3"]
    assert refs(document["variants"][0]["iterations"]) == [f"{ref}.1.1"]
    page = orc("show", ref, "--json", "--limit", "1", "--after", "1").json
    assert refs(page["variants"]) == [f"{ref}.2"]


def test_each_level_and_the_name_can_be_shown(orc: Orc) -> None:
    """A variant has its iterations, an iteration its attempts, and a name means the newest with it."""
    ref = orc.finished(more='name = "shown-by-name"')
    assert orc("show", "shown-by-name", "--json").json["id"] == int(ref)
    assert orc("show", f"{ref}.2", "--json").json["params"] == {"x": 1}
    assert len(orc("show", f"{ref}.2.1", "--json").json["attempts"]) == 1
    for each in (ref, f"{ref}.2", f"{ref}.2.1"):
        assert orc("show", each).out.startswith(each)


def test_an_error_is_shown_whole_at_the_iteration(orc: Orc) -> None:
    """The traceback's last line is in the tree, all of it at the iteration."""
    ref = orc.finished("failing")
    assert "ValueError: three is too much" in orc("show", ref).out
    assert "Traceback" in orc("show", f"{ref}.1.1").out


def test_what_is_not_there_is_said_with_status_2(orc: Orc) -> None:
    """An unknown number, an unknown name and a text that is no reference have the same shape."""
    for unknown in ("999999", "999999.1", "nobody-has-this-name"):
        missing = orc("show", unknown, "--json")
        assert (missing.status, missing.error["code"]) == (2, "not_found"), unknown


def test_artifacts_are_shown_with_their_place(orc: Orc) -> None:
    """The file is where the attempt says, below the state directory, although its scratch folder is gone."""
    for executor in ("process", "isolated"):
        ref = orc.finished("keeping", stage=f'executor = "{executor}"')
        (attempt,) = orc("show", f"{ref}.1.1", "--json").json["attempts"]
        (artifact,) = attempt["artifacts"]
        assert (artifact["name"], artifact["bytes"]) == ("model.bin", 3)
        assert (orc.state / artifact["path"]).read_bytes() == b"zzz"
        assert f"artifact model.bin 3 B, in the state directory: {artifact['path']}" in orc("show", f"{ref}.1.1").out
