"""Directories are computed from options and environment alone."""

from pathlib import Path

import pytest

from orchestrator import places
from orchestrator.errors import InvalidRequest

HOME = {"HOME": "/h"}


@pytest.mark.parametrize(
    ("option", "environ", "expected"),
    [
        ("/option", {"ORCHESTRATOR_STATE_DIR": "/variable", "STATE_DIRECTORY": "/systemd"}, "/option"),
        (None, {"ORCHESTRATOR_STATE_DIR": "/variable", "STATE_DIRECTORY": "/systemd"}, "/variable"),
        (None, {"STATE_DIRECTORY": "/systemd:/other", "XDG_STATE_HOME": "/xdg"}, "/systemd"),
        (None, {"XDG_STATE_HOME": "/xdg"}, "/xdg/orchestrator"),
        (None, {"XDG_STATE_HOME": "relative", **HOME}, "/h/.local/state/orchestrator"),
        (None, HOME, "/h/.local/state/orchestrator"),
        ("~/x/../y", HOME, "/h/y"),
    ],
)
def test_the_state_directory_comes_from_the_strongest_source(
    option: str | None, environ: dict[str, str], expected: str
) -> None:
    """Option, variable, systemd, XDG state home: the first that says something decides."""
    assert places.state_directory(option, environ) == Path(expected)


def test_an_empty_option_is_no_path_and_an_empty_variable_is_unset() -> None:
    """The option raises at every place that reads one; the variable leaves what is meant without it."""
    for read in (places.explicit_state_directory, places.named_settings_file, places.given_socket):
        with pytest.raises(InvalidRequest, match="an empty path"):
            read("", HOME)
    empty = {"ORCHESTRATOR_STATE_DIR": "", "ORCHESTRATOR_CONFIG": "", "ORCHESTRATOR_SOCKET": "", **HOME}
    assert places.state_directory(None, empty) == Path("/h/.local/state/orchestrator")
    assert places.named_settings_file(None, empty) is None
    assert places.given_socket(None, empty) is None


def test_a_relative_state_directory_starts_at_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon whose current directory is another one is given the same directory."""
    monkeypatch.chdir(tmp_path)
    assert places.state_directory("state", HOME) == tmp_path / "state"


def test_settings_that_are_named_are_the_only_ones() -> None:
    """The option is stronger than the variable, and without either nothing is named."""
    assert places.named_settings_file("/a.toml", {"ORCHESTRATOR_CONFIG": "/b.toml"}) == Path("/a.toml")
    assert places.named_settings_file(None, {"ORCHESTRATOR_CONFIG": "/b.toml"}) == Path("/b.toml")
    assert places.named_settings_file(None, HOME) is None


def test_settings_are_looked_for_at_the_user_first() -> None:
    """The user's file comes before the machine's."""
    assert places.usual_settings_files({"XDG_CONFIG_HOME": "/c"}) == (
        Path("/c/orchestrator/orchestrator.toml"),
        Path("/etc/orchestrator/orchestrator.toml"),
    )


def test_named_locks_lie_where_all_daemons_can_write(tmp_path: Path) -> None:
    """The variable wins, then the system's lock directory if it is writable, then the runtime directory, then the state."""
    state, missing = Path("/state"), tmp_path / "missing"
    assert places.lock_directory(state, {"ORCHESTRATOR_LOCK_DIR": "/l"}, system=tmp_path) == Path("/l")
    assert places.lock_directory(state, {}, system=tmp_path) == tmp_path / "orchestrator"
    assert places.lock_directory(state, {"XDG_RUNTIME_DIR": "/r"}, system=missing) == Path("/r/orchestrator/locks")
    assert places.lock_directory(state, {}, system=missing) == Path("/state/locks")


def test_output_of_an_attempt_has_one_place() -> None:
    """The path is runs/<experiment>/<variant>/<iteration>.<attempt>.{out,err} below the state directory."""
    folder = places.run_folder(Path("/state"), 12)
    assert places.output_files(folder, 3, 1, attempt=2) == (
        Path("/state/runs/12/3/1.2.out"),
        Path("/state/runs/12/3/1.2.err"),
    )
