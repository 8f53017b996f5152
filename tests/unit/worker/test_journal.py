"""What a child notes can be read from outside at any instant, however the child ends."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.worker import journal, outcomes
from orchestrator.worker.journal import Frame, Journal

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture
def descriptor() -> Iterator[int]:
    created = journal.create("test")
    yield created
    os.close(created)


def test_the_evaluation_that_executes_is_known(descriptor: int) -> None:
    """Between its beginning and its outcome, and not before or after."""
    child = Journal(descriptor)
    child.begin_batch()
    assert journal.glance(descriptor).executing is None
    child.begin(4)
    assert journal.glance(descriptor).executing == 4
    child.finish(4, journal.OUTCOME, b"{}")
    assert journal.glance(descriptor).executing is None


def test_frames_come_back_in_order_however_many_there_are(descriptor: int) -> None:
    """The file grows as it must."""
    child = Journal(descriptor)
    child.begin_batch()
    written = [Frame(journal.OUTCOME, number, bytes([number % 251]) * (number % 300)) for number in range(5000)]
    for frame in written:
        child.finish(frame.position, frame.kind, frame.payload)
    assert os.fstat(descriptor).st_size > journal.INITIAL_BYTES
    assert journal.frames(descriptor) == written


def test_a_frame_that_was_not_finished_is_not_seen(descriptor: int) -> None:
    """What stands behind the end word does not count, whatever it is."""
    child = Journal(descriptor)
    child.begin_batch()
    child.finish(0, journal.OUTCOME, b"{}")
    end = journal.glance(descriptor).end
    os.pwrite(descriptor, struct.pack("=IIII", journal.OUTCOME, 1, 2, 0) + b"{}", end)
    assert [frame.position for frame in journal.frames(descriptor)] == [0]


def test_a_journal_that_was_written_over_ends_where_it_makes_no_sense(descriptor: int) -> None:
    """A workload that scribbles over it costs later frames and never raises in the daemon."""
    child = Journal(descriptor)
    child.begin_batch()
    for position in range(3):
        child.finish(position, journal.OUTCOME, b"{}")
    os.pwrite(descriptor, b"\xff" * 16, journal.HEADER_BYTES + 24)
    assert [frame.position for frame in journal.frames(descriptor)] == [0]
    os.ftruncate(descriptor, 10)
    assert journal.frames(descriptor) == []
    assert journal.glance(descriptor).executing is None


def test_a_cleared_journal_is_empty_and_small_again(descriptor: int) -> None:
    """A huge batch does not cost memory for ever."""
    child = Journal(descriptor)
    child.begin_batch()
    child.write(0, journal.NOTE, bytes(2 * journal.SHRINK_BYTES))
    journal.clear(descriptor)
    child.begin_batch()
    assert journal.frames(descriptor) == []
    assert os.fstat(descriptor).st_size == journal.INITIAL_BYTES


def test_a_note_rings_and_says_whether_to_end(descriptor: int) -> None:
    """The bell counts, the notes can be read from where reading stopped, and the evaluation that was pruned is told."""
    bell = os.eventfd(0, os.EFD_NONBLOCK)
    try:
        child = Journal(descriptor, bell=bell)
        child.begin_batch()
        child.begin(3)
        assert child.note(3, b"{}") is False
        frames, behind = journal.frames_from(descriptor, journal.HEADER_BYTES)
        assert (frames, journal.noted(descriptor), os.eventfd_read(bell)) == ([Frame(journal.NOTE, 3, b"{}")], 1, 1)
        journal.prune(descriptor, 3)
        assert child.note(3, b"[1]") is True
        assert journal.frames_from(descriptor, behind)[0] == [Frame(journal.NOTE, 3, b"[1]")]
        child.finish(3, journal.OUTCOME, b"{}")
        assert child.note(3, b"too late") is False
        assert journal.noted(descriptor) == 2
        child.begin(4)
        assert child.note(4, b"{}") is False
    finally:
        os.close(bell)


def test_a_note_does_not_ring_at_a_file_of_the_workload(descriptor: int, tmp_path: Path) -> None:
    """One that has closed the bell may have opened something else under its number."""
    bell = os.eventfd(0, os.EFD_NONBLOCK)
    child = Journal(descriptor, bell=bell)
    child.begin_batch()
    child.begin(0)
    with (tmp_path / "own").open("wb") as own:
        os.dup2(own.fileno(), bell)
        child.note(0, b"{}")
    os.close(bell)
    child.note(0, b"{}")
    assert (tmp_path / "own").read_bytes() == b""
    assert journal.noted(descriptor) == 2


def test_what_was_cut_away_is_counted_until_it_is_taken(descriptor: int) -> None:
    """The daemon adds, the child takes."""
    child = Journal(descriptor)
    journal.add_cut(descriptor, out=5, err=1)
    journal.add_cut(descriptor, out=2, err=0)
    assert journal.read_cut(descriptor) == (7, 1)
    assert child.take_cut() == (7, 1)
    assert journal.read_cut(descriptor) == (0, 0)


@given(metrics=st.dictionaries(st.text(), FINITE | st.integers()), wall=FINITE, cpu=FINITE)
def test_a_success_comes_back_as_it_was(metrics: dict[str, float], wall: float, cpu: float) -> None:
    """Packed for speed, and nothing is lost."""
    outcome = {"metrics": metrics, "started_us": 1, "wall_seconds": wall, "cpu_seconds": cpu, "output_bytes": 0}
    kind, payload = outcomes.pack(outcome)
    assert kind == journal.METRICS
    assert outcomes.unpack(kind, payload) == outcome
    more = {**outcome, "reports": [{"step": 1, "metrics": {}}]}
    assert outcomes.unpack(*outcomes.pack(more)) == more


@given(kind=st.sampled_from([journal.METRICS, journal.OUTCOME, journal.NOTE]), payload=st.binary())
def test_nonsense_is_no_outcome(kind: int, payload: bytes) -> None:
    """Whatever stands in a frame, reading it never raises."""
    outcome = outcomes.unpack(kind, payload)
    assert outcome is None or isinstance(outcome, dict)
