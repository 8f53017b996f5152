"""Where settings come from, and how wrong ones are reported."""

from pathlib import Path

import pytest

from orchestrator.errors import InvalidSettings, Problem
from orchestrator.settings import Settings, read_settings


def written(path: Path, text: str) -> Path:
    """A settings file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def problems_of(option: Path | None, environ: dict[str, str]) -> tuple[Problem, ...]:
    """What is wrong with the given settings."""
    with pytest.raises(InvalidSettings) as refused:
        read_settings(option, environ)
    return refused.value.problems


def test_without_any_file_the_defaults_hold(tmp_path: Path) -> None:
    """No file and no variable is a valid configuration."""
    assert read_settings(None, {"XDG_CONFIG_HOME": str(tmp_path)}) == Settings()


def test_the_environment_counts_more_than_the_file(tmp_path: Path) -> None:
    """A variable overrides the same key of the file; other keys of the file stay."""
    file = written(tmp_path / "a.toml", "slots = 3\nthreads = 5\n")
    settings = read_settings(file, {"ORCHESTRATOR_SLOTS": "4"})
    assert (settings.slots, settings.threads) == (4, 5)


def test_the_named_file_comes_before_the_users(tmp_path: Path) -> None:
    """--config, then $ORCHESTRATOR_CONFIG, then the XDG configuration home."""
    option = written(tmp_path / "option.toml", "slots = 1\n")
    variable = written(tmp_path / "variable.toml", "slots = 2\n")
    written(tmp_path / "xdg/orchestrator/orchestrator.toml", "slots = 3\n")
    users = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    named = users | {"ORCHESTRATOR_CONFIG": str(variable)}
    assert [read_settings(*given).slots for given in ((option, named), (None, named), (None, users))] == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "groups"), [("quants", ("quants",)), ("quants, 100", ("quants", 100)), ('["a", 7]', ("a", 7))]
)
def test_a_list_may_be_written_with_commas(text: str, groups: tuple[str | int, ...]) -> None:
    """A variable holds a list as TOML or as comma-separated values."""
    assert read_settings(None, {"HOME": "/nowhere", "ORCHESTRATOR_READ_GROUPS": text}).read_groups == groups


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    """Each names its file or variable, its key, what was found and what is allowed; a near name is suggested."""
    file = written(tmp_path / "a.toml", 'slots = "4"\nslot = 3\nlog_level = "loud"\ndrain_seconds = inf\n')
    environ = {"ORCHESTRATOR_THREADS": "0", "ORCHESTRATOR_LOGLEVEL": "info", "ORCHESTRATOR_CONTROL_USERS": "-1"}
    assert set(problems_of(file, environ)) == {
        Problem(f"{file}: slots", "'4' is not allowed; it must be a whole number of at least 1, or \"auto\""),
        Problem(f"{file}: slot", "there is no such setting; did you mean slots?"),
        Problem(f"{file}: log_level", '\'loud\' is not allowed; it must be "debug", "info", "warning" or "error"'),
        Problem(f"{file}: drain_seconds", "inf is not allowed; it must be a number of seconds of at least 0"),
        Problem("$ORCHESTRATOR_THREADS", '0 is not allowed; it must be a whole number of at least 1, or "auto"'),
        Problem("$ORCHESTRATOR_LOGLEVEL", "there is no such setting; did you mean ORCHESTRATOR_LOG_LEVEL?"),
        Problem("$ORCHESTRATOR_CONTROL_USERS", "[-1] is not allowed; it must be a list of user names or ids"),
    }


def test_an_unknown_key_without_a_near_name_lists_all(tmp_path: Path) -> None:
    """A key that resembles no setting is an error that names the settings there are."""
    (problem,) = problems_of(written(tmp_path / "a.toml", "zzz = 1\n"), {})
    assert all(name in problem.message for name in Settings.model_fields)


def test_variables_of_others_are_let_be() -> None:
    """Variables that say where things are, and ones that resemble no setting, are no error."""
    environ = {"HOME": "/nowhere", "ORCHESTRATOR_STATE_DIR": "/a", "ORCHESTRATOR_LOCK_DIR": "/b", "ORCHESTRATOR_X": "1"}
    assert read_settings(None, environ) == Settings()


def test_an_empty_variable_is_not_given() -> None:
    """`ORCHESTRATOR_SLOTS=` leaves the default."""
    assert read_settings(None, {"HOME": "/nowhere", "ORCHESTRATOR_SLOTS": ""}) == Settings()


@pytest.mark.parametrize(
    ("text", "why"), [(None, "No such file"), ("slots = = 3", "not valid TOML"), ("[slots]\n", "slots")]
)
def test_a_named_file_must_be_there_and_readable(tmp_path: Path, text: str | None, why: str) -> None:
    """A missing or malformed settings file is refused with its path, never ignored."""
    file = tmp_path / "a.toml"
    if text is not None:
        file.write_text(text)
    (problem,) = problems_of(file, {})
    assert str(file) in problem.where
    assert why in problem.message or why in problem.where
