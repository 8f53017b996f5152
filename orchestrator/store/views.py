"""What can be read: pages of plain dictionaries in the shapes of the interface, each from one short read.

A view never holds a read open between pages, so that the writer can always checkpoint.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import aiosqlite
import anyio

from orchestrator.domain.refs import ExperimentId, Ref, looks_like_ref, named_parts, parse_ref
from orchestrator.errors import NoBest, NotFound, StoreError
from orchestrator.store import database, shapes
from orchestrator.store.journal import Journal
from orchestrator.store.sql import STATEMENTS

Row = dict[str, Any]
PAGE = 500
LAST_REPORTS = 20
NAMES_COMPARED = 500
"""Of the newest experiments, with a name that there is not."""


class Views:
    """Read-only views over one connection, one read at a time."""

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._turn = anyio.Lock()
        self.journal = Journal(self)

    async def read(
        self, name: str, values: Mapping[str, Any] | None = None, *, rows: Sequence[Any] | None = None
    ) -> Any:
        """The one JSON value a named statement gives; None when it gives no row. Raises StoreError."""
        bound = dict(values or {})
        if rows is not None:
            bound["rows"] = json.dumps(rows)
        try:
            async with self._turn:
                found = list(await self._connection.execute_fetchall(STATEMENTS[name], bound))
        except sqlite3.Error as error:
            raise StoreError(f"the database could not be read: {error}") from error
        return None if not found or found[0][0] is None else json.loads(found[0][0])

    async def resolve(self, text: str) -> Ref:
        """The ref a person means: `12`, `12.3`, `12.3.1`, or an experiment's name (the newest) in place of the 12. Raises NotFound."""
        ref = parse_ref(text if looks_like_ref(text) else await self._numbered(text))
        if ref.variant is None:
            await self._row(ref.experiment)
        elif not await self._variant_rows(ref, after=0, limit=1):
            raise NotFound(f"there is no variant {ref.experiment}.{ref.variant}")
        if ref.iteration is not None and not (await self._variant_rows(ref, after=0, limit=1))[0]["iterations"]:
            raise NotFound(f"there is no iteration {ref}")
        return ref

    async def _numbered(self, text: str) -> str:
        """The same with the number of the experiment that is named."""
        for name, part in [(text, ""), *named_parts(text)]:
            found = await self.read("resolve_name", {"name": name})
            if found is not None:
                return f"{found}{part}"
        raise NotFound(f"there is no experiment named {text!r}", hint=await self._nearest(text))

    async def _nearest(self, name: str) -> str:
        close = get_close_matches(name, await self.read("newest_names", {"limit": NAMES_COMPARED}), n=1)
        return f"{f'did you mean {close[0]!r}? ' if close else ''}orc ls shows the experiments there are"

    async def list_experiments(self, *, limit: int, after: int | None = None) -> list[Row]:
        """Experiments, newest first; `after` is the id the page before ended with."""
        rows: list[Row] = await self.read("experiment_rows", {"experiment": None, "below": after, "limit": limit})
        return [shapes.listed(row) for row in rows]

    async def _row(self, experiment: int) -> Row:
        rows: list[Row] = await self.read("experiment_rows", {"experiment": experiment, "below": None, "limit": 1})
        if not rows:
            raise NotFound(f"there is no experiment {experiment}", hint="orc ls shows the experiments there are")
        return rows[0]

    async def experiment(self, experiment: int) -> Row:
        """One experiment without its variants, as `show` has it. Raises NotFound."""
        row = await self._row(experiment)
        return shapes.shown(row, await self.whole(experiment))

    async def whole(self, experiment: int) -> Row:
        """Spec, folder, environment, selection of an experiment. Raises NotFound."""
        found: Row | None = await self.read("experiment_whole", {"experiment": experiment})
        if found is None:
            raise NotFound(f"there is no experiment {experiment}")
        return found

    async def _variant_rows(self, ref: Ref, *, after: int, limit: int) -> list[Row]:
        values = {"experiment": ref.experiment, "variant": ref.variant, "iteration": ref.iteration}
        first = after if ref.variant is None else ref.variant - 1
        rows: list[Row] = await self.read("variant_rows", {**values, "after": first, "limit": limit})
        return rows

    async def variants(self, experiment: int, *, limit: int, after: int = 0) -> list[Row]:
        """A page of variants with their iterations, in order of their numbers."""
        rows = await self._variant_rows(Ref(ExperimentId(experiment)), after=after, limit=limit)
        return [shapes.variant(experiment, row) for row in rows]

    async def variant(self, ref: Ref) -> Row:
        """One variant with its iterations. Raises NotFound."""
        rows = await self._variant_rows(Ref(ref.experiment, ref.variant), after=0, limit=1)
        if not rows:
            raise NotFound(f"there is no variant {ref}")
        return shapes.variant(ref.experiment, rows[0])

    async def iteration(self, ref: Ref) -> Row:
        """One iteration with all its attempts and the last reports of the last one. Raises NotFound."""
        rows = await self._variant_rows(ref, after=0, limit=1)
        if not rows or not rows[0]["iterations"]:
            raise NotFound(f"there is no iteration {ref}")
        values = {"experiment": ref.experiment, "variant": ref.variant, "iteration": ref.iteration}
        attempts: list[Row] = await self.read("attempt_rows", values)
        found: Row = shapes.variant(ref.experiment, rows[0])["iterations"][0]
        return found | {
            "params": rows[0]["params"],
            "attempts": [shapes.with_times(row) for row in attempts],
            "reports": await self.reports(ref, attempt=found["attempt"]),
        }

    async def reports(self, ref: Ref, *, attempt: int, limit: int = LAST_REPORTS) -> list[Row]:
        """The last reports of one attempt at an iteration, in the order they were told."""
        place = {"experiment": ref.experiment, "variant": ref.variant, "iteration": ref.iteration}
        rows: list[Row] = await self.read("report_rows", {**place, "attempt": attempt, "limit": limit})
        return [shapes.report(row) for row in rows]

    async def best(self, ref: Ref) -> Row:
        """The best variant of an experiment. Raises NoBest."""
        row = await self._row(ref.experiment)
        if row["best"] is None:
            raise NoBest(f"experiment {ref.experiment} has no variant that was evaluated and passed")
        found = shapes.variant(ref.experiment, (await self._best_row(ref.experiment, row["best"])))
        return {key: found[key] for key in ("ref", "params", "metrics", "spread", "score")}

    async def _best_row(self, experiment: int, number: int) -> Row:
        values = {"experiment": experiment, "variant": number, "iteration": 0}
        rows: list[Row] = await self.read("variant_rows", {**values, "after": number - 1, "limit": 1})
        return rows[0]

    async def decisions(self, ref: Ref) -> list[Row]:
        """Decisions of an experiment, oldest first; for a variant those that concern it."""
        rows: list[Row] = await self.read("decision_rows", {"experiment": ref.experiment})
        found = [shapes.decision(row) for row in rows]
        if ref.variant is None:
            return found
        origin = await self.read("variant_origin", {"experiment": ref.experiment, "variant": ref.variant})
        return shapes.decisions_on(ref.experiment, ref.variant, origin, found)

    def sizes(self) -> dict[str, int]:
        """Bytes of the database file and of its write-ahead log."""
        wal = self._path.with_name(self._path.name + "-wal")
        return {"bytes": self._path.stat().st_size, "wal_bytes": wal.stat().st_size if wal.exists() else 0}


@asynccontextmanager
async def open_views(path: Path) -> AsyncIterator[Views]:
    """Views over a prepared database file."""
    async with database.connect(path, read_only=True) as connection:
        yield Views(connection, path)
