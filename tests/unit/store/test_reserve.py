"""Claims about the reserve: how large it is, what is given up of it and for whom, when it is made again."""

from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from orchestrator.errors import StoreFull
from orchestrator.store.reserve import Reserve, piece_bytes, whole_bytes
from orchestrator.store.store import open_store
from orchestrator.store.writer import Closing, Transaction
from tests.support.records import NoRoom, rows, submission

pytestmark = pytest.mark.asyncio
MEBIBYTE = 2**20


async def test_it_is_16_mebibytes_or_a_twentieth_of_a_small_disk() -> None:
    """A disk of a gibibyte and one of a pebibyte have the same reserve, one of 100 MiB has 5 MiB, and one nobody can look at none."""
    assert [whole_bytes(total) for total in (2**30, 2**50, 100 * MEBIBYTE, 0)] == [
        16 * MEBIBYTE,
        16 * MEBIBYTE,
        5 * MEBIBYTE,
        0,
    ]


async def test_it_is_given_up_in_halves() -> None:
    """Whole, it is given up in five pieces, the last ones of a mebibyte; a small one in one."""
    pieces, held = [], 16 * MEBIBYTE
    while piece := piece_bytes(held):
        pieces.append(piece // MEBIBYTE)
        held -= piece

    assert pieces == [8, 4, 2, 1, 1]
    assert piece_bytes(100_000) == 100_000


def taken_bytes(path: Path) -> int:
    """What a file takes of the disk."""
    return path.stat().st_blocks * 512


async def test_its_blocks_are_taken_and_given_back(tmp_path: Path) -> None:
    """Made it takes what it says, each piece that is given up is free again, and when nothing is left it says so."""
    path = tmp_path / "reserve"
    reserve = Reserve(path)
    await reserve.make(3 * MEBIBYTE, spare_bytes=3 * MEBIBYTE)
    taken = [taken_bytes(path)]
    owed = [reserve.owed_bytes]
    while await reserve.give_up():
        taken.append(taken_bytes(path))
        owed.append(reserve.owed_bytes)

    assert [size / MEBIBYTE for size in taken] == [3, 1.5, 0.5, 0]
    assert [size / MEBIBYTE for size in owed] == [0, 1.5, 2.5, 3]


async def test_it_is_made_again_only_from_what_can_be_spared(tmp_path: Path) -> None:
    """With less to spare than it lacks it stays as it is and lacking; with as much it is whole and owes nothing."""
    path = tmp_path / "reserve"
    reserve = Reserve(path)
    await reserve.make(4 * MEBIBYTE, spare_bytes=4 * MEBIBYTE)
    await reserve.give_up()
    await reserve.make(4 * MEBIBYTE, spare_bytes=2 * MEBIBYTE - 1)
    scarce = taken_bytes(path), reserve.owed_bytes
    with anyio.fail_after(1):
        await reserve.lacking()
    await reserve.make(4 * MEBIBYTE, spare_bytes=2 * MEBIBYTE)
    with anyio.move_on_after(0) as waited:
        await reserve.lacking()

    assert scarce == (2 * MEBIBYTE, 2 * MEBIBYTE)
    assert (taken_bytes(path), reserve.owed_bytes, waited.cancelled_caught) == (4 * MEBIBYTE, 0, True)


async def test_what_an_earlier_daemon_left_of_it_can_be_given_up(tmp_path: Path) -> None:
    """A reserve that could not be made whole before the next start is there; a file of holes is none."""
    whole, holes = tmp_path / "whole", tmp_path / "holes"
    await Reserve(whole).make(MEBIBYTE, spare_bytes=MEBIBYTE)
    with holes.open("wb") as file:
        file.truncate(MEBIBYTE)

    assert await Reserve(whole).give_up()
    assert not await Reserve(holes).give_up()
    assert not await Reserve().give_up()


async def test_a_place_that_takes_no_file_leaves_it_lacking(tmp_path: Path) -> None:
    """Where it cannot be made nothing is raised, nothing is there to give up, and nothing is owed."""
    reserve = Reserve(tmp_path / "missing" / "reserve")
    await reserve.make(MEBIBYTE, spare_bytes=MEBIBYTE)

    assert not await reserve.give_up()
    assert reserve.owed_bytes == 0


LARGE = "x" * 200_000


@dataclass(frozen=True)
class Work:
    """A change that adds an experiment."""

    name: str

    def apply(self, transaction: Transaction) -> None:
        """Add it."""
        submission(name=self.name).apply(transaction)


@dataclass(frozen=True)
class Ended(Work, Closing):
    """The same, as one that ends something."""


async def test_only_what_ends_something_may_use_it(tmp_path: Path) -> None:
    """New work that finds the disk full leaves the reserve alone; an end gives it up piece by piece; from then on new work is refused."""
    path = tmp_path / "orchestrator.reserve"
    async with open_store(tmp_path / "orchestrator.db", reserve_file=path) as store:
        await store.reserve.make(2 * MEBIBYTE, spare_bytes=2 * MEBIBYTE)
        await store.writer.write(NoRoom())
        with pytest.raises(StoreFull, match="database or disk is full"):
            await store.writer.write(Work(LARGE))
        before = taken_bytes(path)
        with pytest.raises(StoreFull, match="database or disk is full"):
            await store.writer.write(Ended(LARGE))
        after = taken_bytes(path)
        with pytest.raises(StoreFull, match="the little room that is left"):
            await store.writer.write(Work("small"))
        await store.writer.write(Ended("small end"))
        owed = store.reserve.owed_bytes
    async with open_store(tmp_path / "orchestrator.db") as store:
        names = await rows(store, "SELECT name FROM experiment")

    assert (before, after, owed) == (2 * MEBIBYTE, 0, 2 * MEBIBYTE)
    assert names == [("small end",)]
