"""Limits of memory: the arithmetic, and what is said."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from orchestrator.worker.limits import (
    Backstop,
    Meter,
    backstop_bytes,
    excess_text,
    held_by,
    pause_seconds,
    size_text,
    tree_of,
)

MEBIBYTE = 2**20


def test_sizes_are_written_as_people_write_them() -> None:
    """Four digits and a binary unit."""
    sizes = {
        0: "0 bytes",
        1023: "1023 bytes",
        1024: "1 KiB",
        268435456: "256 MiB",
        3 * 2**29: "1.5 GiB",
        2**50: "1024 TiB",
    }
    assert {size: size_text(size) for size in sizes} == sizes


def test_what_is_said_names_both_numbers() -> None:
    """Unless the kernel has not let it come above its limit."""
    assert excess_text(300 * MEBIBYTE, 256 * MEBIBYTE).startswith(
        "it held 300 MiB of memory with all its processes, more than"
    )
    assert (
        excess_text(256 * MEBIBYTE, 256 * MEBIBYTE) == "it needed more memory than its limit of 256 MiB, and was killed"
    )


def test_looking_never_takes_more_than_a_twentieth_of_a_core() -> None:
    """Every 50 ms, or later when a look takes long."""
    assert pause_seconds(0.0) == 0.05
    assert pause_seconds(0.001) == 0.05
    assert pause_seconds(0.1) == 2.0


def test_a_meter_looks_at_a_whole_tree() -> None:
    """This process with its children is above a limit of a MiB at once, and remembers its peak until another evaluation begins."""
    meter = Meter(MEBIBYTE)
    used = meter.exceeded([os.getpid()])
    assert used is not None
    assert used > MEBIBYTE
    peaks = [meter.peak_bytes]
    meter.reset()
    assert [*peaks, meter.peak_bytes] == [used, None]
    assert Meter(2**50).exceeded([os.getpid()]) is None


def test_what_is_gone_holds_nothing() -> None:
    """A process number that nobody has is no error."""
    gone = 2**22 + 1
    assert tree_of([gone]) == {gone: 0}
    assert held_by({gone: 0}) == (0, 0)
    assert Meter(1).exceeded([gone]) is None


@contextmanager
def few_descriptors() -> Iterator[None]:
    """No file can be opened meanwhile."""
    own = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, own[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, own)


def test_a_look_that_cannot_be_taken_accuses_nobody() -> None:
    """Without a free descriptor nothing is known, and nothing breaks."""
    meter = Meter(MEBIBYTE)
    with few_descriptors():
        assert meter.exceeded([os.getpid()]) is None
    assert meter.exceeded([os.getpid()]) is not None


def test_the_backstop_is_put_and_taken_back() -> None:
    """The soft limit of this process follows; the hard one, and what it was born with, stay."""
    own = resource.getrlimit(resource.RLIMIT_DATA)
    backstop = Backstop()
    try:
        backstop.put(2**40)
        assert resource.getrlimit(resource.RLIMIT_DATA) == (min(backstop_bytes(2**40), _number(own[0])), own[1])
    finally:
        backstop.put(None)
    assert resource.getrlimit(resource.RLIMIT_DATA) == own


def _number(limit: int) -> int:
    return 2**62 if limit == resource.RLIM_INFINITY else limit


@pytest.mark.parametrize("limit_bytes", [MEBIBYTE, 256 * MEBIBYTE, 2**40])
def test_the_backstop_leaves_room_for_what_is_never_touched(limit_bytes: int) -> None:
    """At least twice the limit and a GiB for stacks and buffers."""
    assert backstop_bytes(limit_bytes) > 2 * limit_bytes + 2**30
