"""The one writer: the only connection that writes or checkpoints, owned by one task.

Changes wait in lines of bounded length. What has come while a commit was under way goes into the next transaction together, so that
one disk sync serves many, but not more than is written in about 20 milliseconds; what a process waits for goes first. The connection's
thread goes from one transaction to the next by itself, whatever the event loop is doing. A waiter is answered only after its change
is on disk. When one change of a group is refused, the group is rolled back and each is applied again alone, so that only the refused
one fails. While nothing comes, the journal is moved into the file.
"""

import asyncio
import json
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, cast, runtime_checkable

import aiosqlite
import anyio
import structlog

from orchestrator.errors import OrchestratorError, StoreBlocked, StoreError, StoreFull
from orchestrator.store import database
from orchestrator.store.database import in_thread
from orchestrator.store.lines import Lines, Waiting
from orchestrator.store.reserve import Reserve
from orchestrator.store.sql import STATEMENTS, for_rows
from orchestrator.store.times import now_us, rfc3339

log = structlog.get_logger(__name__)

ROWS_AT_ONCE = tuple(2**power for power in range(10, -1, -1))
VALUES_AT_ONCE = 6144
"""So many rows or values are bound for one step of an INSERT, while which Python's lock is held."""
JOINED_AT_ONCE = 256
"""What is joined with a table comes in fewer rows: of more than 500 SQLite makes a table first, at twice the cost."""
REST_SECONDS = 0.5
WORTH_EMPTYING_ROWS = 2000
"""When nothing has come for so long, and so much was written, the journal is moved into the file: later somebody would wait for that."""
Result = TypeVar("Result")
ResultOut = TypeVar("ResultOut", covariant=True)
Event = dict[str, Any]
Announce = Callable[[list[Event]], None]


class Change(Protocol[ResultOut]):
    """One change of what is remembered. `apply` runs in the writer's thread and may run twice; it keeps nothing between the runs."""

    def apply(self, transaction: "Transaction") -> ResultOut:
        """Do it within the transaction. Raises an OrchestratorError to refuse: nothing of it is kept then."""
        ...


class Sized:
    """A change that says how much work it is, in rows; any other is a small one."""

    __slots__ = ()
    prompt: ClassVar[bool] = False
    """Whether a process does nothing until it is on disk."""

    @property
    def rows(self) -> int:
        """About how many rows it touches."""
        return 1


@runtime_checkable
class Preparable(Protocol[ResultOut]):
    """A change of which a part needs no database: that is done before it lines up, since all wait for the connection's thread."""

    def prepared(self) -> Change[ResultOut]:
        """The same change, with less left to do."""
        ...


class Closing:
    """A change that ends or stops something, says what follows from that, or makes room: it may use the reserve when the disk is full."""

    __slots__ = ()


class Transaction:
    """What a change may do: run named statements, count, and tell."""

    def __init__(self, connection: sqlite3.Connection, first_seq: int) -> None:
        self.now_us = now_us()
        self.events: list[Event] = []
        self._connection = connection
        self._next_seq = first_seq
        self._counts: defaultdict[int, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))

    def run(self, name: str, values: Mapping[str, Any] | None = None) -> int:
        """Run a named statement and return how many rows it changed."""
        return self._connection.execute(STATEMENTS[name], values or {}).rowcount

    def run_rows(self, name: str, rows: Sequence[tuple[Any, ...]], *, shared: tuple[Any, ...] = ()) -> int:
        """Run a named statement over many rows, in as few steps as can be, and return how many rows it changed.

        `shared` are values that are the same for all of them (see `for_rows`).

        The values must be exactly int, float, str or None: for any other type, even a subclass, the database module looks for an adapter.
        """
        changed = done = 0
        most = _most_rows(name, width=len(rows[0])) if rows else 0
        for count in ROWS_AT_ONCE:
            whole = (len(rows) - done) // count * count if count <= most else 0
            if whole:
                statement = for_rows(name, shared=len(shared), width=len(rows[0]), count=count)
                starts = range(done, done + whole, count)
                bound = [tuple(chain(shared, *rows[start : start + count])) for start in starts]
                changed += self._connection.executemany(statement, bound).rowcount
                done += whole
        return changed

    def try_rows(self, name: str, rows: Sequence[tuple[Any, ...]], *, shared: tuple[Any, ...] = ()) -> bool:
        """Run a named INSERT over many rows as `run_rows` does. False, with nothing of it done, when one breaks a rule of the schema."""
        self._connection.execute("SAVEPOINT trial")
        try:
            self.run_rows(name, rows, shared=shared)
        except sqlite3.IntegrityError:
            # any other error may have ended the whole transaction, and the savepoint with it
            self._connection.execute("ROLLBACK TO trial")
            self._connection.execute("RELEASE trial")
            return False
        self._connection.execute("RELEASE trial")
        return True

    def read(self, name: str, values: Mapping[str, Any] | None = None, *, rows: Sequence[Any] | None = None) -> Any:
        """The one value a named statement gives, read as JSON; None when it gives no row."""
        bound = dict(values or {})
        if rows is not None:
            bound["rows"] = json.dumps(rows)
        found = self._connection.execute(STATEMENTS[name], bound).fetchone()
        return None if found is None or found[0] is None else json.loads(found[0])

    def insert(self, name: str, values: Mapping[str, Any]) -> int:
        """Run a named INSERT of one row and return its id."""
        return self._connection.execute(STATEMENTS[name], values).lastrowid or 0

    def count(self, experiment: int, **changes: int) -> None:
        """Add to an experiment's counters; written once for the whole transaction."""
        counts = self._counts[experiment]
        for counter, change in changes.items():
            counts[counter] += change

    def counted(self, experiment: int, counter: str) -> int:
        """What the transaction has added to a counter so far: on record it is found at its end only."""
        return self._counts[experiment][counter] if experiment in self._counts else 0

    def tell(self, kind: str, *, experiment: int | None = None, ref: str | None = None, **data: Any) -> None:
        """Add an event; it is announced after the commit."""
        event = {"seq": self._next_seq, "time": rfc3339(self.now_us), "kind": kind}
        if experiment is not None:
            event["ref"] = ref or str(experiment)
        self.events.append(event | data)
        self._next_seq += 1

    def flush(self) -> None:
        """Write counters and events."""
        if self._counts:
            totals = [(experiment, *(counts[name] for name in COUNTERS)) for experiment, counts in self._counts.items()]
            self.run_rows("add_to_counters", totals)
        if self.events:
            rows = [
                (event["seq"], _experiment_of(event), event["kind"], json.dumps(event, separators=(",", ":")))
                for event in self.events
            ]
            self.run_rows("add_events", rows, shared=(self.now_us,))


COUNTERS = (
    "variant_count",
    "variants_evaluated",
    "variants_failed",
    "variants_pruned",
    "variants_cancelled",
    "iterations_queued",
    "iterations_running",
    "iterations_succeeded",
    "iterations_failed",
    "iterations_cancelled",
)


def _most_rows(name: str, *, width: int) -> int:
    return VALUES_AT_ONCE // width if STATEMENTS[name].startswith("INSERT") else JOINED_AT_ONCE


def _experiment_of(event: Event) -> int | None:
    ref = event.get("ref")
    return None if ref is None else int(ref.split(".")[0])


class Writer:
    """Lines changes up for the writing task and waits for their commit."""

    def __init__(self, lines: Lines, reserve: Reserve) -> None:
        self._lines = lines
        self._reserve = reserve

    async def write(self, change: Change[Result]) -> Result:
        """Apply a change; returns once it is on disk. The change is made even if the caller is cancelled meanwhile.

        While some of the reserve is owed only a `Closing` change is taken.
        """
        if self._reserve.owed_bytes and not isinstance(change, Closing):
            raise StoreFull(
                "the disk is full: the little room that is left is for what has run already", hint=_MAKE_ROOM
            )
        ready = change.prepared() if isinstance(change, Preparable) else change
        waiting = Waiting(ready, prompt=isinstance(change, Sized) and change.prompt, rows=_rows(change))
        await self._lines.join(waiting)
        await waiting.done.wait()
        if waiting.error is not None:
            raise waiting.error
        return cast("Result", waiting.result)


@asynccontextmanager
async def open_writer(path: Path, announce: Announce, *, reserve: Reserve) -> AsyncIterator[Writer]:
    """A writer over a prepared database file. Leaving it commits what was sent and closes the connection."""
    lines = Lines()
    async with database.connect(path, read_only=False) as connection:
        cursor = await connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event'")
        row = await cursor.fetchone()
        await cursor.close()
        task = _WritingTask(connection, lines, announce, reserve=reserve, next_seq=(row[0] if row else 0) + 1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(task.run, name="store writer")
            try:
                yield Writer(lines, reserve)
            finally:
                lines.close()


class _WritingTask:
    def __init__(
        self,
        connection: aiosqlite.Connection,
        lines: Lines,
        announce: Announce,
        *,
        reserve: Reserve,
        next_seq: int,
    ) -> None:
        self._connection = connection
        self._lines = lines
        self._announce = announce
        self._reserve = reserve
        self._next_seq = next_seq
        self._written_rows = 0  # since the journal was emptied here
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Commit group after group until the lines are closed and empty; cancelling cannot cut a transaction in two."""
        with anyio.CancelScope(shield=True):
            while await self._filled():
                failed = await in_thread(self._connection, self._commit_all)
                if failed is not None:
                    await self._one_by_one(*failed)

    async def _filled(self) -> bool:
        """As of the lines; while they are empty the journal is emptied too."""
        with anyio.move_on_after(REST_SECONDS if self._written_rows >= WORTH_EMPTYING_ROWS else None):
            return await self._lines.filled()
        self._written_rows = 0
        await in_thread(self._connection, database.empty_journal)
        return await self._lines.filled()

    def _commit_all(self, connection: sqlite3.Connection) -> tuple[list[Waiting], Exception] | None:
        """In the connection's thread: commit until the lines are empty, or a group fails, which is returned with its error."""
        before = connection.total_changes - self._written_rows
        while group := self._lines.next_group():
            try:
                done = _commit([waiting.change for waiting in group], self._next_seq, connection)
            except Exception as error:  # noqa: BLE001 a defect of ours must not end the writer, and with it every experiment
                return group, _translate(error, group)
            self._next_seq += len(done[1])
            self._written_rows = connection.total_changes - before
            self._loop.call_soon_threadsafe(self._tell, group, *done)
        return None

    def _tell(self, group: list[Waiting], results: list[Any], events: list[Event]) -> None:
        """All of a group is on disk."""
        if events:
            self._announce(events)
        for waiting, result in zip(group, results, strict=True):
            waiting.result = result
            self._lines.leave(waiting)

    async def _one_by_one(self, group: list[Waiting], error: Exception) -> None:
        """Commit the changes of a group that failed each alone; what fails then is refused."""
        for waiting in group:
            failed = error if len(group) == 1 else await self._try(waiting)
            while isinstance(failed, StoreFull) and isinstance(waiting.change, Closing):
                if not await self._reserve.give_up():
                    break
                failed = await self._try(waiting)
            if failed is not None:
                waiting.error = failed
                self._lines.leave(waiting)

    async def _try(self, waiting: Waiting) -> Exception | None:
        """Apply and commit one; None when it is on disk, else why nothing of it is."""
        try:
            results, events = await in_thread(self._connection, partial(_commit, [waiting.change], self._next_seq))
        except Exception as error:  # noqa: BLE001 as above
            return _translate(error, [waiting])
        self._next_seq += len(events)
        self._tell([waiting], results, events)
        return None


def _rows(change: Change[Any]) -> int:
    return change.rows if isinstance(change, Sized) else 1


def _commit(
    changes: Sequence[Change[Any]], first_seq: int, connection: sqlite3.Connection
) -> tuple[list[Any], list[Event]]:
    """One transaction, begun, applied and committed in one visit to the connection's thread: results and events."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        transaction = Transaction(connection, first_seq)
        results = [change.apply(transaction) for change in changes]
        transaction.flush()
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return results, transaction.events


_MAKE_ROOM = "make room where the state directory is: orc rm removes an experiment and its output"
_PASSING = (
    "SQLITE_IOERR",
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_NOMEM",
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
)


def _translate(error: Exception, group: list[Waiting]) -> Exception:
    if isinstance(error, OrchestratorError):
        return error
    if not isinstance(error, sqlite3.Error):
        log.error("change_failed", changes=[type(waiting.change).__name__ for waiting in group], exc_info=error)
        return error
    name = str(getattr(error, "sqlite_errorname", None))
    log.error("store_failed", error=str(error), code=name)
    kind = StoreFull if name in database.FULL else StoreBlocked if name.startswith(_PASSING) else StoreError
    return kind(f"the database refused: {error}", hint="look at free disk space and at the daemon's log")
