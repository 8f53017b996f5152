"""Whether a database file can be trusted: that it is ours, has the schema of its version, and can be read."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite

from orchestrator.errors import CorruptDatabase, NewerDatabase
from orchestrator.store import sql

CHECKED_BYTES = 32 * 2**20
"""A file up to this size is checked page by page at every start, a larger one only after the daemon was killed: it takes seconds."""

_HEADER_BYTES = 100

Part = tuple[str, str]
"""Kind and name of a part of the schema."""


def refuse_foreign(path: Path) -> None:
    """Raises CorruptDatabase for the file of another program, without opening it as a database.

    By its header (sqlite.org/fileformat.html): a schema that was changed, and no version of ours.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    schema_changes, user_version = header[40:44], header[60:64]
    if header.startswith(b"SQLite format 3\0") and any(schema_changes) and not any(user_version):
        message = f"{path} is a database of another program"
        raise CorruptDatabase(message, hint="move it away, or point --state-dir elsewhere")


async def version_of(connection: aiosqlite.Connection, path: Path) -> int:
    """The schema's version; 0 of an empty file. Raises NewerDatabase."""
    (version,) = await _row(connection, "PRAGMA user_version")
    newest = len(sql.migrations())
    if version > newest:
        message = f"{path} has schema version {version}; this program knows up to {newest}"
        raise NewerDatabase(message, hint="run the newer version of orchestrator again, or point --state-dir elsewhere")
    return int(version)


async def check(connection: aiosqlite.Connection, path: Path, *, version: int, thoroughly: bool) -> None:
    """Raises CorruptDatabase, or sqlite3.DatabaseError for pages that make no sense."""
    cursor = await connection.execute("SELECT type, name FROM sqlite_schema")
    found = {(str(kind), str(name)) for kind, name in await cursor.fetchall()}
    await cursor.close()
    missing = sorted(f"{kind} {name}" for kind, name in schema_of(version) - found)
    if missing:
        raise corrupt(path, f"of schema version {version} it has no {', no '.join(missing)}")
    if thoroughly or path.stat().st_size <= CHECKED_BYTES:
        (answer,) = await _row(connection, "PRAGMA quick_check(1)")
        if answer != "ok":
            raise corrupt(path, str(answer))


def schema_of(version: int) -> set[Part]:
    """What the migrations up to a version make."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for _, script in sql.migrations()[:version]:
            connection.executescript(script)
        return {(str(kind), str(name)) for kind, name in connection.execute("SELECT type, name FROM sqlite_schema")}


def corrupt(path: Path, detail: str) -> CorruptDatabase:
    """The refusal of a file that cannot be trusted."""
    return CorruptDatabase(
        f"{path} is damaged: {detail}",
        hint="its files are kept as they are; put a backup in its place, or move all of them away to start anew",
    )


async def _row(connection: aiosqlite.Connection, statement: str) -> tuple[Any, ...]:
    cursor = await connection.execute(statement)
    row = await cursor.fetchone()
    await cursor.close()
    return tuple(row or (None,))
