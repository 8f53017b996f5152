"""Files an evaluation wants to keep."""

import os
from pathlib import Path

import pytest

from orchestrator.worker.artifacts import Artifacts


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the artifacts of the attempt are."""
    return tmp_path / "runs" / "1.1.artifacts"


def file_of(folder: Path, size: int, name: str = "model") -> str:
    (folder / name).write_bytes(b"x" * size)
    return str(folder / name)


def test_a_copy_stays_when_the_file_changes(tmp_path: Path, kept: Path) -> None:
    """What is kept is the file as it was when it was named; naming it again replaces that."""
    artifacts = Artifacts(str(tmp_path / "runs" / "1.1"), 10)
    assert artifacts.keep(file_of(tmp_path, 5)) == {"name": "model", "bytes": 5, "kept": True}
    path = file_of(tmp_path, 7)
    assert (kept / "model").stat().st_size == 5
    assert artifacts.keep(path) == {"name": "model", "bytes": 7, "kept": True}
    assert [file.name for file in kept.iterdir()] == ["model"]
    assert (kept / "model").stat().st_size == 7


def test_all_together_have_a_limit(tmp_path: Path, kept: Path) -> None:
    """What would be above it is named and not copied; a smaller one after it still is."""
    artifacts = Artifacts(str(tmp_path / "runs" / "1.1"), 10)
    told = [artifacts.keep(file_of(tmp_path, size, name))["kept"] for name, size in (("a", 6), ("b", 5), ("c", 4))]
    assert told == [True, False, True]
    assert sorted(file.name for file in kept.iterdir()) == ["a", "c"]


def test_what_an_interrupted_start_has_left_goes(tmp_path: Path, kept: Path) -> None:
    """The first artifact of an attempt begins anew."""
    kept.mkdir(parents=True)
    (kept / "old").touch()
    Artifacts(str(tmp_path / "runs" / "1.1"), 10).keep(file_of(tmp_path, 1))
    assert [file.name for file in kept.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("kind", "error"), [("missing", FileNotFoundError), ("folder", ValueError), ("fifo", ValueError)]
)
def test_only_files_are_kept(tmp_path: Path, kind: str, error: type[Exception]) -> None:
    """A folder or a fifo is refused at once, and nothing is made."""
    path = tmp_path / "thing"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(error):
        Artifacts(str(tmp_path / "runs" / "1.1"), 10).keep(str(path))
    assert not (tmp_path / "runs").exists()
