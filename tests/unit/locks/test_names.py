"""Names of locks and the folder of their files."""

from pathlib import Path

import pytest

from orchestrator.locks import file_of, make_folder, problem_of_name
from orchestrator.locks.names import name_of


@pytest.mark.parametrize("name", ["gpu0", "0", "license.matlab-2025_b", "x" * 100])
def test_plain_words_are_names(name: str, tmp_path: Path) -> None:
    """They have no problem, and the file of one leads back to it."""
    assert problem_of_name(name) is None
    assert name_of(file_of(tmp_path, name)) == name


@pytest.mark.parametrize("name", ["", " ", ".hidden", "../up", "a/b", "-x", "gpu 0", "grün", "a\n", "x" * 101])
def test_what_could_be_mistaken_is_no_name(name: str) -> None:
    """Nothing that a folder, a shell, or a person could take for something else."""
    problem = problem_of_name(name)
    assert problem
    assert "name of a lock" in problem


def test_other_files_are_no_locks(tmp_path: Path) -> None:
    """A file without the ending, or with a strange name before it, has no lock's name."""
    assert [name_of(tmp_path / name) for name in ("gpu0", ".lock", "gpu 0.lock")] == [None, None, None]


def test_a_private_folder_has_private_locks(tmp_path: Path) -> None:
    """In a folder of one's own only its owner can open the locks."""
    assert make_folder(tmp_path / "state" / "locks") == 0o600
    assert (tmp_path / "state" / "locks").stat().st_mode & 0o7777 == 0o700


def test_in_a_folder_open_to_all_the_locks_are_open_to_all(tmp_path: Path) -> None:
    """Below a folder such as the system's lock directory, everybody may take the locks and nobody may remove another's."""
    tmp_path.chmod(0o1777)
    assert make_folder(tmp_path / "orchestrator") == 0o666
    assert (tmp_path / "orchestrator").stat().st_mode & 0o7777 == 0o1777


def test_a_folder_that_is_there_decides_by_itself(tmp_path: Path) -> None:
    """A folder for a group has locks for the group, and is left as it is."""
    tmp_path.chmod(0o770)
    assert make_folder(tmp_path) == 0o660
    assert tmp_path.stat().st_mode & 0o7777 == 0o770
