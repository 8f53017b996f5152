"""Reads tables of plain data key by key and remembers every problem: which key, what was found, what is allowed."""

import difflib
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from orchestrator.domain.durations import seconds_of
from orchestrator.errors import Problem
from orchestrator.workloads.pipeline.findings import Severity

_LONGEST_SHOWN = 60
_LARGEST_PERCENT = 100

Usable = TypeVar("Usable")


class TableReader:
    """One table and where it stands. Every question has an answer: a wrong or missing value is noted and a usable one returned."""

    def __init__(self, table: Any, *, where: str, problems: list[Problem], keys: Collection[str]) -> None:
        self._where = where
        self._problems = problems
        self._table: Mapping[str, Any] = table if isinstance(table, dict) else {}
        if not isinstance(table, dict):
            self._note(where, f"must be a table; found {_shown(table)}")
        for key in self._table:
            if key not in keys:
                self._note(self._path(key), f"is not known.{_suggestion(key, keys)} Allowed: {', '.join(keys)}")

    def has(self, key: str) -> bool:
        """Whether the table says anything about it."""
        return key in self._table

    def table(self, key: str, *, keys: Collection[str]) -> "TableReader":
        """The table below a key; it must be there."""
        found = self._asked(key, "a table", default={})
        return TableReader(found, where=self._path(key), problems=self._problems, keys=keys)

    def tables(self, key: str, *, keys: Collection[str]) -> "list[TableReader]":
        """The list of tables below a key; there must be one at least."""
        found = self._asked(key, "a list of tables", default=[])
        if not isinstance(found, list) or (self.has(key) and not found):
            self._note(self._path(key), f"must be a list of tables, [[{self._path(key)}]]; found {_shown(found)}")
            return []
        places = (f"{self._path(key)}[{position}]" for position in range(len(found)))
        return [
            TableReader(each, where=place, problems=self._problems, keys=keys)
            for each, place in zip(found, places, strict=True)
        ]

    def word(self, key: str, *, allowed: Sequence[str] = ()) -> str:
        """A text, one of the allowed ones if they are given."""
        wanted = " | ".join(f'"{each}"' for each in allowed) or "a text that is not empty"
        found = self._asked(key, wanted, default=None)
        if isinstance(found, str) and found and (not allowed or found in allowed):
            return found
        return self._refuse(key, found, wanted, usable=allowed[0] if allowed else "")

    def words(self, key: str, *, allowed: Sequence[str] = ()) -> tuple[str, ...]:
        """A list of different texts, of the allowed ones if they are given."""
        wanted = "a list of different texts" + (f", of {', '.join(allowed)}" if allowed else "")
        found = self._asked(key, wanted, default=None)
        if isinstance(found, list) and all(isinstance(each, str) and each for each in found):
            fits = len(set(found)) == len(found) and (not allowed or set(found) <= set(allowed))
            if fits:
                return tuple(found)
        nothing: tuple[str, ...] = ()
        return self._refuse(key, found, wanted, usable=nothing)

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """True or false."""
        found = self._asked(key, "true or false", default=default)
        return found if isinstance(found, bool) else self._refuse(key, found, "true or false", usable=False)

    def whole(self, key: str, *, least: int = 0) -> int:
        """A whole number."""
        wanted = f"a whole number from {least} on"
        found = self._asked(key, wanted, default=None)
        if isinstance(found, int) and not isinstance(found, bool) and found >= least:
            return found
        return self._refuse(key, found, wanted, usable=least)

    def workers(self, key: str) -> int | None:
        """A whole number from 1 on; None for "auto"."""
        return None if self._table.get(key) == "auto" else self.whole(key, least=1)

    def percent(self, key: str) -> float:
        """A number from 0 to 100."""
        found = self._asked(key, "a number from 0 to 100", default=None)
        if isinstance(found, (int, float)) and not isinstance(found, bool) and 0 <= found <= _LARGEST_PERCENT:
            return float(found)
        return self._refuse(key, found, "a number from 0 to 100", usable=0.0)

    def seconds(self, key: str) -> float:
        """A duration longer than 0."""
        wanted = 'a duration such as "30s", "5min" or "1h30m", or a number of seconds, above 0'
        found = self._asked(key, wanted, default=None)
        seconds = seconds_of(found)
        if seconds is None or not 0 < seconds < math.inf:
            return self._refuse(key, found, wanted, usable=1.0)
        return seconds

    def severity(self, key: str) -> Severity:
        """One of the words for it."""
        return Severity[self.word(key, allowed=[each.word for each in Severity]).upper()]

    def complain(self, key: str, message: str) -> None:
        """Note something about a key that only its owner can know."""
        self._note(self._path(key), message)

    def _asked(self, key: str, wanted: str, *, default: Any) -> Any:
        if not self.has(key) and default in (None, {}, []):
            self._note(self._path(key), f"is missing; allowed: {wanted}")
        return self._table.get(key, default)

    def _refuse(self, key: str, found: Any, wanted: str, *, usable: Usable) -> Usable:
        if self.has(key):
            self._note(self._path(key), f"must be {wanted}; found {_shown(found)}")
        return usable

    def _path(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key

    def _note(self, where: str, message: str) -> None:
        self._problems.append(Problem(where or "the file", message))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _suggestion(key: str, keys: Collection[str]) -> str:
    close = difflib.get_close_matches(key, list(keys), n=1)
    return f' Did you mean "{close[0]}"?' if close else ""
