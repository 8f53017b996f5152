"""Claims about what the meters of a worker measure."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.worker.usage import ProcessMeter, ThreadMeter

SIZE = 1 << 20


@pytest.fixture
def stored() -> Iterator[Path]:
    """A file beside this one: a temporary folder may be in memory, of which nothing is fetched or sent."""
    path = Path(__file__).with_suffix(f".{os.getpid()}.tmp")
    yield path
    path.unlink()


def write(path: Path) -> None:
    """Send a mebibyte to storage."""
    with path.open("wb") as file:
        file.write(b"x" * SIZE)
        file.flush()
        os.fsync(file.fileno())


def read_anew(path: Path) -> None:
    """Fetch the file from storage, not from memory."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.read()


def test_a_process_knows_what_it_moved_since_it_was_asked_last(stored: Path) -> None:
    """What is written and read counts once, and nothing counts when nothing is moved."""
    meter = ProcessMeter()
    write(stored)
    read_anew(stored)
    read_bytes, written_bytes = meter.moved_bytes() or (0, 0)

    assert SIZE <= read_bytes < 2 * SIZE
    assert SIZE <= written_bytes < 2 * SIZE
    assert meter.moved_bytes() == (0, 0)


def test_a_thread_counts_its_own_and_not_its_neighbours(stored: Path) -> None:
    """What another thread writes meanwhile is not charged to this one."""
    meter = ThreadMeter()
    meter.begin()
    neighbour = threading.Thread(target=write, args=(stored,))
    neighbour.start()
    neighbour.join()

    assert meter.moved_bytes() == (0, 0)
    write(stored)
    assert (meter.moved_bytes() or (0, 0))[1] >= SIZE


def test_what_a_thread_moved_before_another_one_began_is_unknown() -> None:
    """A meter that was begun in another thread has no number to compare with."""
    meter = ThreadMeter()
    beginner = threading.Thread(target=meter.begin)
    beginner.start()
    beginner.join()

    assert meter.moved_bytes() is None
    assert meter.moved_bytes() == (0, 0)
