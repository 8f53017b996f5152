"""Executors come through one door."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from orchestrator.errors import ExecutorUnusable
from orchestrator.executors.registry import BUNDLED, Surroundings, create, registered


def test_every_bundled_executor_can_be_made_and_has_its_name(tmp_path: Path) -> None:
    """Making one starts nothing."""
    for name in BUNDLED:
        executor = create(name, Surroundings(folder=tmp_path / name, slots=1, threads=1))
        assert executor.name == name
        assert not (tmp_path / name).exists()


def test_what_is_registered_is_an_entry_point() -> None:
    """Bundled and installed executors are the same kind of thing, sorted by name."""
    entries = registered()
    assert list(entries) == sorted(entries)
    assert all(isinstance(entry, EntryPoint) for entry in entries.values())


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    """The error says what there is."""
    with pytest.raises(ExecutorUnusable, match="process, sequential, thread"):
        create("quantum", Surroundings(folder=tmp_path, slots=1, threads=1))
