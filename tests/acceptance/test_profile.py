"""`orc profile`: measured under every strategy, removed afterwards, and refused with a sentence where there is nothing to compare."""

from pathlib import Path

from tests.support.daemon import Orc

STRATEGIES = ["sequential", "thread", "process", "hybrid", "adaptive"]


def test_every_strategy_is_measured_and_nothing_but_the_profile_is_left(own_orc: Orc) -> None:
    """Each has as many times as runs were asked for; the speed-up of what others are compared with is 1; no experiment stays."""
    folder = own_orc.experiment()
    ended = own_orc("profile", str(folder), "--runs", "2", "--evaluations", "2", "--json")
    assert ended.status == 0, ended.err
    rows = {row["strategy"]: row for row in ended.json["strategies"]}
    assert list(rows) == STRATEGIES
    assert [len(row["wall_seconds"]) for row in rows.values()] == [2] * 5
    assert rows["sequential"]["speed_up"] == 1.0
    assert rows["thread"]["executors"] == {"main": ["thread"]}
    assert ended.json["recommended"] in STRATEGIES
    (stage,) = ended.json["stages"]
    assert stage["profile"]["runs"] >= 4
    assert 0.5 < stage["overlap"] <= 1.0
    assert own_orc("ls", "--json").json == []


def test_a_person_sees_tables_and_a_recommendation(own_orc: Orc) -> None:
    """The stages with their kind, the strategies with their speed-ups, and what to write into the file."""
    ended = own_orc("profile", str(own_orc.experiment()), "--runs", "1", "--evaluations", "1")
    assert ended.status == 0, ended.err
    assert "STAGE" in ended.out
    assert "BESIDE" in ended.out
    assert "1.00x" in ended.out
    assert 'recommended: executor = "' in ended.out
    assert "adaptive, run 1 of 1: " in ended.err


def test_commands_and_stdin_are_refused(own_orc: Orc, tmp_path: Path) -> None:
    """A command runs in one way only, and stdin can be read once only: exit 2, and nothing is submitted."""
    (tmp_path / "experiment.toml").write_text('[stage]\ncommand = ["true"]\n[space]\nx = [1]\n')
    commands = own_orc("profile", str(tmp_path))
    stdin = own_orc("profile", "-", given='[stage]\ncommand = ["true"]\n[space]\nx = [1]\n')
    assert (commands.status, stdin.status) == (2, 2)
    assert "nothing to compare" in commands.err
    assert "stdin" in stdin.err


def test_what_cannot_be_run_is_told_for_each_run(own_orc: Orc) -> None:
    """Every evaluation raises: exit 3, no recommendation, the failures on stderr."""
    ended = own_orc("profile", str(own_orc.experiment("failing")), "--runs", "1", "--evaluations", "1")
    assert ended.status == 3
    assert "recommended" not in ended.out
    assert "process, run 1 of 1: no evaluation has succeeded" in ended.err


def test_a_change_that_helps_is_kept_and_one_that_does_not_is_rolled_back(own_orc: Orc) -> None:
    """Waiting evaluations, two at once against one: exit 0 and kept; the same against itself: exit 3 and rolled back."""
    folder = own_orc.experiment("napping", more="[limits]\nmax_parallel = 1")
    place = ("profile", str(folder), "--set", "stage.executor=process", "--runs", "6", "--evaluations", "3", "--json")
    helped = own_orc(*place, "--try", "limits.max_parallel=2")
    assert (helped.status, helped.json["kept"]) == (0, True), helped.err
    assert helped.json["ratio"] < 0.95
    same = own_orc(*place, "--try", "limits.max_parallel=1")
    assert (same.status, same.json["kept"], len(same.json["before_seconds"])) == (3, False, 6)
    wrong = own_orc(*place, "--try", "limits.max_paralel=1")
    assert wrong.status == 2
    assert "max_parallel" in wrong.error["problems"][0]["message"]
    few = own_orc("profile", str(folder), "--runs", "4", "--try", "limits.max_parallel=2")
    assert (few.status, few.err) == (2, "error: --try with --runs 4 could show nothing: at least 5 are needed\n")
    assert "run 1" not in wrong.err


def test_what_was_learnt_belongs_to_the_code_it_was_learnt_of(own_orc: Orc) -> None:
    """A second experiment adds to the profile; once the code has changed it is measured anew."""
    folder = own_orc.experiment()

    def learnt() -> int:
        assert own_orc("run", str(folder), "--set", 'name="known"').status == 0
        (stage,) = own_orc("report", "known", "--json").json["stages"]
        return int(stage["profile"]["runs"])

    first, second = learnt(), learnt()
    (folder / "model.py").write_text((folder / "model.py").read_text() + "\n# other code\n")
    assert (first, second, learnt()) == (3, 6, 3)
