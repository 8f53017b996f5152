"""Files that have grown too large keep their beginning and their end."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.worker.trim import note_of, punch_middle, trim_file


@given(size=st.integers(0, 3000), limit=st.integers(1, 1500))
def test_a_trimmed_file_is_within_its_limit_and_ends_as_it_did(
    tmp_path_factory: pytest.TempPathFactory, size: int, limit: int
) -> None:
    """A file within the limit is left as it is; the size it had is told."""
    path = tmp_path_factory.getbasetemp() / "output"
    content = bytes(97 + number % 26 for number in range(size))
    path.write_bytes(content)
    assert trim_file(str(path), limit) == size
    kept = path.read_bytes()
    if size <= limit:
        assert kept == content
    else:
        assert limit - 5 <= len(kept) <= limit
        assert content.endswith(kept[-(limit // 3) :] if limit // 3 else b"")


def test_the_note_between_beginning_and_end_counts_what_is_missing(tmp_path: Path) -> None:
    """Beginning, note and end account for every byte."""
    path = tmp_path / "output"
    content = b"".join(b"%09d\n" % number for number in range(1000))
    path.write_bytes(content)
    trim_file(str(path), 1000)
    kept = path.read_bytes()
    beginning, _, rest = kept.partition(b"\n[")
    note, _, end = rest.partition(b"]\n")
    left_out = int(note.split()[1])
    assert content.startswith(beginning)
    assert content.endswith(end)
    assert len(beginning) + left_out + len(end) == len(content)
    assert note_of(left_out) in kept


def test_punching_gives_blocks_back_and_keeps_both_ends(tmp_path: Path) -> None:
    """The size stays, so that whoever appends goes on where it was."""
    path = tmp_path / "output"
    content = os.urandom(1 << 20)
    path.write_bytes(content)
    with path.open("r+b") as file:
        os.fsync(file.fileno())
        before = os.fstat(file.fileno()).st_blocks
        possible = punch_middle(file.fileno(), 100_000)
        after = os.fstat(file.fileno())
    kept = path.read_bytes()
    assert after.st_size == len(content)
    assert (kept[:50_000], kept[-100_000:]) == (content[:50_000], content[-100_000:])
    assert not possible or after.st_blocks < before / 2


def test_a_small_file_is_not_punched(tmp_path: Path) -> None:
    """Nothing of it may go."""
    path = tmp_path / "output"
    path.write_bytes(b"x" * 1000)
    with path.open("r+b") as file:
        assert punch_middle(file.fileno(), 900)
    assert path.read_bytes() == b"x" * 1000
