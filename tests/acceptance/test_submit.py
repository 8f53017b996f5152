"""`orc submit`."""

import pytest

from tests.support.daemon import Orc
from tests.unit.spec.files import WRONG


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


def test_no_wrong_file_changes_anything(own_orc: Orc) -> None:
    """Each of many kinds of mistake is status 2 with its problems and no traceback; afterwards nothing has happened in the daemon."""
    pid, before = own_orc.pid(), own_orc("events").out
    for file in WRONG:
        refused = own_orc("submit", str(file), "--json")
        assert (refused.status, refused.error["code"], refused.err) == (2, "invalid_spec", ""), file.name
        assert all(each["where"] and each["message"] for each in refused.error["problems"]), file.name
    assert len(WRONG) >= 50
    assert (own_orc.pid(), own_orc("ls", "--json").json, own_orc("events").out) == (pid, [], before)


def test_an_override_without_a_key_is_a_usage_error(own_orc: Orc) -> None:
    """It is found before any daemon is started."""
    refused = own_orc("submit", str(own_orc.experiment()), "--set", "nothing", "--json")
    assert (refused.status, refused.error["code"]) == (2, "invalid_request")
    assert not own_orc.state.exists()


@pytest.mark.parametrize(
    ("line", "where", "part"),
    [
        ('python = "./none"', "stage.main.python", "there is no program"),
        ('python = "./model.py"', "stage.main.python", "is not executable; try chmod +x"),
        ('python = "./old"', "stage.main.python", "is Python 3.8.18; 3.9 or newer is needed"),
        ('python = "/bin/true"', "stage.main.python", "is not a Python interpreter"),
        ("cpus = 1000", "stage.main.cpus", "needs 1000; this daemon has"),
        ('memory = "1GiB"\nexecutor = "thread"', "stage.main.memory", "cannot be held by threads"),
    ],
)
def test_what_cannot_be_had_is_refused_by_submit_and_check(orc: Orc, line: str, where: str, part: str) -> None:
    """Nothing is accepted that could not run: status 2, with the place and the reason."""
    folder = orc.experiment(stage=line)
    (folder / "old").write_text('#!/bin/sh\necho \'{"name": "cpython", "version": [3, 8, 18]}\'\n')
    (folder / "old").chmod(0o700)
    for verb in ("submit", "check"):
        refused = orc(verb, str(folder), "--json")
        assert refused.status == 2
        (problem,) = refused.error["problems"]
        assert problem["where"] == where
        assert part in problem["message"]
