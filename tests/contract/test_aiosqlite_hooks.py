"""The two private names of aiosqlite that one visit to the connection's thread relies on."""

import sqlite3
import threading
from pathlib import Path

import pytest

from orchestrator.store.database import connect, in_thread


@pytest.mark.asyncio
async def test_a_function_runs_in_the_connections_own_thread(tmp_path: Path) -> None:
    """It gets the raw connection, in a thread that is not the event loop's, and its answer comes back."""

    def act(connection: sqlite3.Connection) -> tuple[int, int]:
        return threading.get_ident(), connection.execute("SELECT 7").fetchone()[0]

    async with connect(tmp_path / "x.db", read_only=False) as connection:
        first, seven = await in_thread(connection, act)
        again, _ = await in_thread(connection, act)
    assert first != threading.get_ident()
    assert first == again
    assert seven == 7


@pytest.mark.asyncio
async def test_what_the_function_raises_reaches_the_caller(tmp_path: Path) -> None:
    """An error of the database is raised where the visit was asked for."""
    async with connect(tmp_path / "x.db", read_only=False) as connection:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await in_thread(connection, lambda raw: raw.execute("SELECT * FROM missing"))
