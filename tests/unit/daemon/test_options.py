"""The daemon's command line."""

from pathlib import Path

import pytest

from orchestrator.daemon.options import Options, read_options


def test_nothing_said_is_nothing_set() -> None:
    """Without arguments every option is unset."""
    assert read_options([]) == Options()


def test_every_option_arrives() -> None:
    """Each option has its place; -v and -q add up."""
    arguments = [
        "--state-dir",
        "a",
        "--socket",
        "b",
        "--config",
        "c",
        "--background",
        "--ready-fd",
        "5",
        "-vv",
        "-q",
        "--json",
    ]
    assert read_options(arguments) == Options(
        state_dir=Path("a"), socket=Path("b"), config=Path("c"), background=True, ready_fd=5, as_json=True, verbosity=1
    )


@pytest.mark.parametrize("option", ["--state-dir", "--socket", "--config"])
def test_an_empty_path_is_a_usage_error(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It leaves with status 2 instead of taking the current directory."""
    with pytest.raises(SystemExit) as left:
        read_options([option, ""])
    assert left.value.code == 2
    assert f"argument {option}: the path is empty" in capsys.readouterr().err


def test_the_examples_of_the_help_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    """Each is a command line that is read."""
    with pytest.raises(SystemExit):
        read_options(["--help"])
    examples = [line.split()[2:] for line in capsys.readouterr().out.splitlines() if line.startswith("  orc daemon")]
    assert [read_options(each).config for each in examples] == [None, Path("lab.toml")]


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """It leaves with status 2 and names the option."""
    with pytest.raises(SystemExit) as left:
        read_options(["--stat-dir", "a"])
    assert left.value.code == 2
    assert "--stat-dir" in capsys.readouterr().err
