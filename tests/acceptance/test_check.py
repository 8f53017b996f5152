"""`orc check`."""

import os
from pathlib import Path

import pytest

from tests.support.daemon import Orc


def test_the_plan_says_how_much_would_run(own_orc: Orc) -> None:
    """Three values, two cases: six evaluations; and no daemon is started for it."""
    folder = own_orc.experiment(more='cases = ["a", "b"]')
    checked = own_orc("check", str(folder), "--json")
    assert checked.status == 0, checked.err
    assert checked.json["plan"]["variants"] == 3
    assert checked.json["plan"]["evaluations"] == 6
    assert not own_orc.state.exists()


def test_a_running_daemon_says_the_same(orc: Orc, own_orc: Orc) -> None:
    """The answer does not depend on who gives it."""
    folder = orc.experiment()
    assert orc.pid()
    assert orc("check", str(folder), "--json").json == own_orc("check", str(folder), "--json").json


def test_all_mistakes_are_reported_at_once_with_their_places(own_orc: Orc) -> None:
    """Two mistakes, two problems, status 2, for a program and for a person."""
    folder = own_orc.experiment(more='seeed = 1\naggregate = "mode"')
    checked = own_orc("check", str(folder), "--json")
    assert checked.status == 2
    assert checked.error["code"] == "invalid_spec"
    assert {each["where"] for each in checked.error["problems"]} == {"seeed", "aggregate"}
    assert "seeed" in own_orc("check", str(folder)).err


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "large", "latin1", "device"])
def test_what_is_no_experiment_file_is_refused_at_once(own_orc: Orc, tmp_path: Path, kind: str) -> None:
    """Nothing hangs, no daemon is asked, and the problem names the file."""
    path = tmp_path / "experiment.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "large":
        path.write_bytes(b"#" * (1024 * 1024 + 1))
    elif kind == "latin1":
        path.write_bytes(b"name = 'gr\xfcn'\n")
    elif kind == "device":
        path = Path("/dev/zero")
    checked = own_orc("check", str(path), "--json")
    assert (checked.status, checked.error["code"]) == (2, "invalid_spec")
    assert checked.error["problems"][0]["where"] == str(path)


def test_the_plan_says_what_bounds_an_evaluation(own_orc: Orc) -> None:
    """The bounds of a stage are there for a program and in words for a person."""
    folder = own_orc.experiment(stage='memory = "1.5GiB"\ncpus = 2\ntimeout = { factor = 3 }')
    (stage,) = own_orc("check", str(folder), "--json").json["plan"]["stages"]
    bounds = (stage["memory_bytes"], stage["cpus"], stage["timeout_seconds"], stage["timeout_factor"])
    assert bounds == (3 * 2**29, 2, None, 3.0)
    assert "3 (process, 2 slots each, memory 1.5 GiB, timeout 3 times the median)" in own_orc("check", str(folder)).out


def test_more_memory_than_the_machine_has_is_a_warning(orc: Orc, own_orc: Orc) -> None:
    """A stage that can never start is named with both numbers, with a daemon and without; the file is valid all the same."""
    folder = str(orc.experiment(stage='memory = "900000GiB"'))
    assert orc.pid()
    checked = [each("check", folder, "--json") for each in (orc, own_orc)]
    (warning,) = checked[0].json["warnings"]
    assert [each.status for each in checked] == [0, 0]
    assert checked[0].json == checked[1].json
    assert warning["where"] == "stage.main.memory"
    assert warning["message"].startswith("declares 878.9 TiB, the machine has ")
    assert warning["message"].endswith(": it will wait for ever")
    assert warning["message"] in orc("check", folder).out
