"""A file that cannot be trusted is refused with what is wrong with it, and not a byte of it is changed."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.errors import CorruptDatabase
from orchestrator.store import database, soundness
from orchestrator.store.store import open_store
from tests.support.records import add_experiment

PAGE_BYTES = 4096


async def used(path: Path) -> None:
    """A file with something in it, left in good order."""
    await database.prepare(path)
    async with open_store(path) as store:
        await add_experiment(store, variants=300)


def change(path: Path, statement: str) -> None:
    """What another tool may do to a file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statement)


async def refusal(path: Path) -> str:
    """What is said of the file, which stays as it is."""
    before = path.read_bytes()
    with pytest.raises(CorruptDatabase) as refused:
        await database.prepare(path)
    assert path.read_bytes() == before
    assert refused.value.hint is not None
    return refused.value.message


@pytest.mark.asyncio
async def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """Its tables are not mixed with ours."""
    path = tmp_path / "orchestrator.db"
    change(path, "CREATE TABLE wallet (coins); INSERT INTO wallet VALUES (3);")
    assert await refusal(path) == f"{path} is a database of another program"


@pytest.mark.asyncio
async def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """A table and an index that somebody dropped."""
    path = tmp_path / "orchestrator.db"
    await used(path)
    change(path, "DROP TABLE decision; DROP INDEX variant_ranked;")
    message = await refusal(path)
    assert "no table decision" in message
    assert "no index variant_ranked" in message


@pytest.mark.asyncio
@pytest.mark.parametrize("page", [1, 3, 8, -1])
async def test_noise_in_a_page_is_noticed_after_a_clean_stop_too(tmp_path: Path, page: int) -> None:
    """Wherever it is, in a file of an ordinary size."""
    path = tmp_path / "orchestrator.db"
    await used(path)
    pages = path.stat().st_size // PAGE_BYTES
    with path.open("r+b") as file:
        file.seek(page % pages * PAGE_BYTES)
        file.write(os.urandom(PAGE_BYTES))
    assert f"{path} is damaged" in await refusal(path)


def test_the_schema_of_a_version_is_what_its_migrations_make() -> None:
    """Tables and indexes are both in it, and version 0 is empty."""
    assert {("table", "experiment"), ("index", "variant_ranked")} <= soundness.schema_of(1)
    assert soundness.schema_of(0) == set()
