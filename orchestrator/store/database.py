"""The SQLite file itself: opening, checking, migrating. Everything here runs before the first command is served."""

import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

import aiosqlite
import anyio
import structlog
from anyio import to_thread

from orchestrator.errors import CorruptDatabase, StoreError, StoreFull
from orchestrator.store import soundness, sql

log = structlog.get_logger(__name__)
Result = TypeVar("Result")

BUSY_TIMEOUT_MILLISECONDS = 5000
WAL_LIMIT_BYTES = 64 * 2**20
CHECKPOINT_PAGES = 4000  # of 4 KiB
PAGE_BYTES = 4096
OUTPUTS = "runs"
WAL_SHARE = 8  # on a small disk the journal may have an eighth of what is free before its pages move to the file
FEWEST_CHECKPOINT_PAGES = 64
WRITING_CACHE_KIB = 8192  # the kernel's cache holds the rest; memory must not grow with what is on record
READING_CACHE_KIB = 2048
FULL = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_FSYNC")  # or beyond a quota
FIXED_VERSIONS = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""Releases that mend the WAL-reset bug: the last of their branch, or anything from 3.51.3 on (sqlite.org/wal.html)."""


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Whether two checkpointing connections may damage the file on this SQLite (3.7.0 to 3.51.2, but for back-ports)."""
    if version < (3, 7, 0) or version >= FIXED_VERSIONS[-1]:
        return False
    return not any(version[:2] == fixed[:2] and version >= fixed for fixed in FIXED_VERSIONS)


def warn_of_old_sqlite() -> None:
    """One log line when the host's SQLite has the bug; one writer and checkpointer avoids it."""
    if has_wal_reset_bug(sqlite3.sqlite_version_info):
        log.warning(
            "sqlite_has_wal_reset_bug",
            version=sqlite3.sqlite_version,
            protection="one connection writes and checkpoints; open the file with no other program while the daemon runs",
        )


@asynccontextmanager
async def connect(path: Path, *, read_only: bool) -> AsyncIterator[aiosqlite.Connection]:
    """An open connection with our pragmas. Closing is shielded, since its thread would outlive a cancelled close."""
    address = f"{path.resolve().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connecting = aiosqlite.connect(address, uri=True, isolation_level=None, cached_statements=256)
    try:
        connection = await connecting
    except sqlite3.Error:
        await to_thread.run_sync(connecting._thread.join)  # noqa: SLF001 it ends by itself, but not after the loop is closed
        raise
    try:
        disk = os.statvfs(path.parent)
        pages = checkpoint_pages(disk.f_bavail * disk.f_frsize)
        for pragma in _pragmas(read_only=read_only, pages=pages):
            await connection.execute(f"PRAGMA {pragma}")
        yield connection
    finally:
        with anyio.CancelScope(shield=True):
            await connection.close()


@cache
def may_distrust_schema() -> bool:
    """Whether this SQLite lets a CHECK call json_valid while trusted_schema is off (3.40 does not)."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        try:
            connection.execute("CREATE TABLE probe (x TEXT CHECK (json_valid(x)))")
            connection.execute("INSERT INTO probe (x) VALUES ('1')")
        except sqlite3.OperationalError:
            return False
    return True


async def in_thread(connection: aiosqlite.Connection, act: Callable[[sqlite3.Connection], Result]) -> Result:
    """Run a function of many statements in the connection's own thread, in one visit.

    aiosqlite's public calls visit the thread once a statement, and each visit waits for a turn of the event loop. A contract test
    holds the two names that this relies on.
    """
    done: Result = await connection._execute(act, connection._conn)  # type: ignore[no-untyped-call]  # noqa: SLF001
    return done


def empty_journal(connection: sqlite3.Connection) -> None:
    """Move what the journal holds into the file, as far as no reader stands in the way; what cannot be moved now is moved later."""
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def checkpoint_pages(free_bytes: int) -> int:
    """How long the journal may get: it must not be what fills a small disk, for then it could not be emptied either."""
    return max(FEWEST_CHECKPOINT_PAGES, min(CHECKPOINT_PAGES, free_bytes // PAGE_BYTES // WAL_SHARE))


def _pragmas(*, read_only: bool, pages: int) -> list[str]:
    trusted = "OFF" if may_distrust_schema() else "ON"
    common = [
        f"trusted_schema = {trusted}",
        f"busy_timeout = {BUSY_TIMEOUT_MILLISECONDS}",
        "mmap_size = 0",
        f"cache_size = -{READING_CACHE_KIB if read_only else WRITING_CACHE_KIB}",
    ]
    if read_only:
        return [*common, "query_only = ON", "wal_autocheckpoint = 0"]
    journal = [
        "journal_mode = WAL",
        "synchronous = FULL",
        f"journal_size_limit = {min(WAL_LIMIT_BYTES, 4 * pages * PAGE_BYTES)}",
    ]
    journal.append(f"wal_autocheckpoint = {pages}")
    return [*common, *journal, "foreign_keys = ON", "secure_delete = OFF"]


async def prepare(path: Path) -> None:
    """Make the file fit for this program: create, check or migrate it.

    Raises CorruptDatabase, NewerDatabase, StoreFull or StoreError; the files are then left as they are.
    """
    fresh = not path.exists()
    if fresh and any(path.with_name(path.name + end).exists() for end in ("-wal", "-shm")):
        message = f"{path} is missing but its -wal or -shm file is there"
        raise CorruptDatabase(message, hint="bring the database file back, or move all of them away to start anew")
    if (fresh or not path.stat().st_size) and _outputs_beside(path):
        message = f"{path} is missing or empty, but output of its experiments is there in {path.with_name(OUTPUTS)}"
        raise CorruptDatabase(message, hint="bring the database file back, or move the output away too to start anew")
    if not fresh:
        soundness.refuse_foreign(path)
    unclean = not fresh and path.with_name(path.name + "-wal").exists()
    try:
        async with connect(path, read_only=False) as connection:
            version = await soundness.version_of(connection, path)
            await soundness.check(connection, path, version=version, thoroughly=unclean)
            await _migrate(connection, path, version=version)
    except sqlite3.DatabaseError as error:
        if "malformed" in str(error) or "not a database" in str(error):
            raise soundness.corrupt(path, str(error)) from error
        if getattr(error, "sqlite_errorname", None) in FULL:
            raise StoreFull(f"{path}: there is no room on its disk ({error})", hint="make some there") from error
        raise StoreError(f"{path}: {error}", hint="look at the folder's permissions and free space") from error
    if fresh:
        path.chmod(0o600)
        _sync_folder(path.parent)


def _outputs_beside(path: Path) -> bool:
    """Whether experiments of an earlier database have left something: ids that began anew would mix with it."""
    outputs = path.with_name(OUTPUTS)
    return outputs.is_dir() and any(outputs.iterdir())


async def _migrate(connection: aiosqlite.Connection, path: Path, *, version: int) -> None:
    scripts = sql.migrations()
    if version == len(scripts):
        return
    if version > 0:
        await _keep_copy(connection, path, version)
    for number, script in scripts[version:]:
        await _apply_script(connection, number, script)
    if version > 0:
        log.info("database_migrated", path=str(path), from_version=version, to_version=len(scripts))


async def _apply_script(connection: aiosqlite.Connection, number: int, script: str) -> None:
    database_id = secrets.token_hex(8)
    finish = f"PRAGMA user_version = {number};"
    if number == 1:
        finish += f"INSERT INTO meta (key, value) VALUES ('database_id', '{database_id}');"
    await connection.executescript(f"BEGIN IMMEDIATE;{script};{finish}COMMIT;")


async def _keep_copy(connection: aiosqlite.Connection, path: Path, version: int) -> None:
    copy = path.with_name(f"{path.name}.v{version}")
    if copy.exists():
        return
    part = copy.with_name(copy.name + ".part")
    part.unlink(missing_ok=True)
    await connection.execute("VACUUM INTO ?", (str(part),))
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.rename(copy)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
