"""Claims about opening the file: fresh and migrated are the same, and what cannot be opened is kept as it is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.errors import CorruptDatabase, NewerDatabase, StoreError
from orchestrator.store import sql
from orchestrator.store.database import (
    CHECKPOINT_PAGES,
    PAGE_BYTES,
    checkpoint_pages,
    connect,
    has_wal_reset_bug,
    prepare,
)
from orchestrator.store.journal import Journal
from orchestrator.store.store import open_store
from tests.support.records import add_experiment, rows

pytestmark = pytest.mark.asyncio
VERSION = len(sql.migrations())


def schema(path: Path) -> list[tuple[str, str, str]]:
    """What the file is made of."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()


def build(path: Path, version: int) -> None:
    """A file as the program of that schema version left it."""
    with closing(sqlite3.connect(path)) as connection:
        for number, script in sql.migrations()[:version]:
            connection.executescript(f"BEGIN; {script}; PRAGMA user_version = {number}; COMMIT;")


@pytest.mark.parametrize("version", range(VERSION + 1))
async def test_a_file_of_any_version_becomes_what_a_fresh_one_is(tmp_path: Path, version: int) -> None:
    """Opening a file of each schema version there was gives the schema of a fresh file, name by name and text by text."""
    build(tmp_path / "old.db", version)
    await prepare(tmp_path / "old.db")
    await prepare(tmp_path / "fresh.db")

    assert schema(tmp_path / "old.db") == schema(tmp_path / "fresh.db")


async def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    """A second opening of a file keeps its id, its schema and its version."""
    path = tmp_path / "orchestrator.db"
    async with open_store(path) as store:
        first = await Journal(store.views).database_id()
    before = schema(path)
    async with open_store(path) as store:
        assert await Journal(store.views).database_id() == first
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert schema(path) == before


async def test_who_reads_cannot_write(tmp_path: Path) -> None:
    """Whatever statement a reader's connection is given, the file stays as the writer left it."""
    path = tmp_path / "orchestrator.db"
    await prepare(path)
    async with connect(path, read_only=True) as reader:
        for statement in ("DELETE FROM event", "CREATE TABLE mine (x)", "PRAGMA user_version = 99"):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                await reader.execute(statement)


async def test_two_databases_have_two_ids(tmp_path: Path) -> None:
    """The id names the file: another file has another one."""
    async with open_store(tmp_path / "a.db") as one, open_store(tmp_path / "b.db") as other:
        assert await Journal(one.views).database_id() != await Journal(other.views).database_id()


async def test_a_newer_file_is_refused_and_kept(tmp_path: Path) -> None:
    """A file of a later schema version is refused with both versions named, and no byte of it changes."""
    path = tmp_path / "orchestrator.db"
    await prepare(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()

    with pytest.raises(NewerDatabase, match=rf"version {VERSION + 1}.*up to {VERSION}"):
        await prepare(path)
    assert path.read_bytes() == before


async def test_what_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    """A file with other content is refused as damaged, and stays byte for byte."""
    path = tmp_path / "orchestrator.db"
    path.write_bytes(b"once upon a time" * 1000)

    with pytest.raises(CorruptDatabase, match="damaged"):
        await prepare(path)
    assert path.read_bytes() == b"once upon a time" * 1000


async def test_a_damaged_page_after_an_unclean_end_is_found_at_start(tmp_path: Path) -> None:
    """When the last end was unclean the pages are checked, and a damaged one is refused and kept."""
    path = tmp_path / "orchestrator.db"
    async with open_store(path) as store:
        await add_experiment(store, variants=400)
    content = bytearray(path.read_bytes())
    content[8192:-4096] = b"\xa5" * (len(content) - 8192 - 4096)
    path.write_bytes(content)
    path.with_name("orchestrator.db-wal").write_bytes(b"")

    with pytest.raises(CorruptDatabase):
        await prepare(path)
    assert path.read_bytes() == bytes(content)


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
async def test_a_missing_file_with_its_log_beside_it_is_no_empty_start(tmp_path: Path, ending: str) -> None:
    """With the database gone but its -wal or -shm there, opening is refused and creates nothing."""
    path = tmp_path / "orchestrator.db"
    path.with_name(path.name + ending).write_bytes(b"left over")

    with pytest.raises(CorruptDatabase, match="is missing"):
        await prepare(path)
    assert not path.exists()


async def test_a_folder_that_is_not_there_is_said_plainly(tmp_path: Path) -> None:
    """A place where nothing can be created is a StoreError that names the file."""
    with pytest.raises(StoreError, match=r"orchestrator\.db"):
        await prepare(tmp_path / "missing" / "orchestrator.db")


async def test_a_fresh_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """Nobody but the owner may read a fresh database."""
    await prepare(tmp_path / "orchestrator.db")

    assert (tmp_path / "orchestrator.db").stat().st_mode & 0o777 == 0o600


async def test_the_writer_syncs_every_commit(tmp_path: Path) -> None:
    """The writing connection works with a write-ahead log, synchronous FULL, and foreign keys."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        found = [
            (await rows(store, f"PRAGMA {name}"))[0][0] for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert found == ["wal", 2, 1]


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
async def test_versions_with_the_wal_reset_bug_are_known(version: tuple[int, ...], affected: bool) -> None:
    """3.7.0 to 3.51.2 have it, but for the back-ports 3.44.6 and 3.50.7."""
    assert has_wal_reset_bug(version) is affected


@pytest.mark.parametrize("free_bytes", [2**21, 6 * 2**20, 2**26, 2**40])
async def test_the_journal_is_not_what_fills_a_small_disk(free_bytes: int) -> None:
    """It is moved into the file before it has an eighth of the disk, and on a large disk after 16 MB."""
    pages = checkpoint_pages(free_bytes)
    assert pages * PAGE_BYTES <= free_bytes // 8
    assert pages <= CHECKPOINT_PAGES
    assert free_bytes < 2**30 or pages == CHECKPOINT_PAGES


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
async def test_a_lost_database_is_not_begun_anew_over_the_output_of_its_experiments(tmp_path: Path, left: str) -> None:
    """What is left stays as it is; with no output there, an empty file becomes a database."""
    path = tmp_path / "orchestrator.db"
    if left == "an empty file":
        path.touch()
    (tmp_path / "runs" / "1").mkdir(parents=True)
    with pytest.raises(CorruptDatabase, match="output"):
        await prepare(path)
    assert [file.name for file in tmp_path.iterdir() if file.stat().st_size and file.is_file()] == []

    (tmp_path / "runs" / "1").rmdir()
    await prepare(path)
    assert path.stat().st_size
